"""`inferfleet remove-node` for a node that answers, but whose Docker hangs: it is removed as one that does not answer.

The node is this machine, in a mount namespace with another Docker and without systemd.
"""

import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from stand_ins import SERVE_ROLES, STEP, Run, run_part

DOCKER = Path(__file__).with_name("hanging_docker.py")
# There is no unit of the supervisor.
SYSTEMCTL = '#!/bin/sh\necho "systemctl:$*" >> {folder}/systemctl.log\necho LoadState=not-found\n'
_BENCH = """\
- name: Remove the container of the benchmark
  community.docker.docker_container: {name: inferfleet-bench, state: absent}

"""
_ROLES = {
    **SERVE_ROLES,
    "gateway/tasks/drain_for_removal.yml": STEP.format(step="drain", when="not gateway_dead_node"),
    "bench/tasks/remove.yml": _BENCH + STEP.format(step="bench", when="true"),
    **{
        f"{name}/tasks/remove.yml": STEP.format(step=f"clean_{name}", when="true")
        for name in ("component_service", "deepseek_infer", "container_runtime", "offline_bundle", "node_baseline")
    },
}


@pytest.fixture
def remove(tmp_path: Path) -> Iterator[Callable[..., Run]]:
    """Removes a node from two replicas; its Docker does not answer at all, or not for a container."""
    processes: list[subprocess.Popen[bytes]] = []

    def removal(pattern: str, fails: dict[str, list[str]], containers: Sequence[str] = ()) -> Run:
        socket = tmp_path / "docker.sock"
        log = (tmp_path / "docker.log").open("wb")
        processes.append(
            subprocess.Popen([sys.executable, DOCKER, socket, pattern, *containers], stdout=log, stderr=log)
        )
        while not socket.exists():
            time.sleep(0.05)
        systemctl = tmp_path / "systemctl"
        systemctl.write_text(SYSTEMCTL.format(folder=tmp_path))
        systemctl.chmod(0o755)
        hide = f'mount --bind {socket} /run/docker.sock && mount --bind {systemctl} /usr/bin/systemctl && exec "$@"'
        return run_part(
            tmp_path,
            ["serve", "clean_removed"],
            _ROLES,
            {"one": ["a1", "a2"], "two": ["b1"]},
            fails,
            {"one": {"served_model_name": "m", "vendor": "cpu"}, "two": {"served_model_name": "m", "vendor": "cpu"}},
            removed={"z1": {}},
            prefix=["unshare", "--mount", "sh", "-c", hide, "sh"],
            environment={"DOCKER_TIMEOUT": "2"},
        )

    yield removal
    for process in processes:
        process.kill()
        process.wait()


def reported(run: Run) -> str:
    found = re.search(r"z1\"?: \"?(\w*)", run.output[run.output.rindex("removed_nodes") :])
    assert found, run.output
    return found[1]


@pytest.mark.parametrize(
    ("pattern", "containers"),
    [(".", []), ("/containers/inferfleet-engine/", ["inferfleet-engine"])],
    ids=["all requests", "one container"],
)
def test_node_whose_docker_hangs_is_removed_without_being_cleaned(
    remove: Callable[..., Run], tmp_path: Path, pattern: str, containers: list[str]
) -> None:
    run = remove(pattern, {}, containers)
    assert run.rc == 0, run.output
    assert run.hosts("start") == {"a1", "a2", "b1"}
    assert run.hosts("drain") == {"z1"}  # its containers may still serve
    assert "show inferfleet-supervisor.service" in (tmp_path / "systemctl.log").read_text()
    assert run.hosts("bench") == set()
    assert run.hosts("left") == {"a1", "a2", "b1", "z1"}
    assert reported(run) == "docker"


def test_docker_that_hangs_while_the_node_is_cleaned_ends_the_cleaning(remove: Callable[..., Run]) -> None:
    run = remove("/containers/inferfleet-bench/", {}, ["inferfleet-bench"])
    assert run.rc == 0, run.output
    assert run.hosts("bench") | run.hosts("clean_component_service") == set()
    assert reported(run) == "docker"


def test_other_error_of_the_cleaning_fails_the_run(remove: Callable[..., Run]) -> None:
    run = remove("^$", {"clean_node_baseline": ["z1"]})
    assert run.rc != 0, run.output
    assert "clean_node_baseline failed on z1" in run.output
    assert run.hosts("clean_component_service") == {"z1"}
