"""`inferfleet remove-node` for a node that does not answer: the others are deployed, and nothing waits for the node."""

import re

import pytest
from stand_ins import ROOT, SERVE_ROLES, STEP, Run, run_part
from tests.gateway.conftest import free_port

_ROLES = {
    **SERVE_ROLES,
    # Whether the requests of the node are waited for.
    "gateway/tasks/drain_for_removal.yml": STEP.format(step="drain", when="gateway_dead_node"),
}


@pytest.fixture(scope="module")
def dead(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """The removal of a node whose SSH server refuses connections, from a deployment of two replicas."""
    folder = tmp_path_factory.mktemp("dead")
    silent = {"ansible_connection": "ssh", "ansible_host": "127.0.0.1", "ansible_port": free_port()}
    return run_part(
        folder,
        ["serve", "clean_removed"],
        _ROLES,
        {"one": ["a1", "a2"], "two": ["b1"]},
        {},
        {"one": {"served_model_name": "m"}, "two": {"served_model_name": "m"}},
        removed={"z1": silent},
    )


def test_the_other_nodes_are_deployed(dead: Run) -> None:
    assert dead.rc == 0, dead.output
    assert dead.hosts("start") == {"a1", "a2", "b1"}
    assert dead.hosts("left") == {"a1", "a2", "b1", "z1"}


def test_its_replica_is_drained_before_anything_starts(dead: Run) -> None:
    assert dead.hosts("drain") == {"z1"}
    assert dead.steps.index("drain:z1") < min(at for at, step in enumerate(dead.steps) if step.startswith("start:"))


def test_nothing_is_removed_from_it_and_the_run_reports_that(dead: Run) -> None:
    assert "Stop the supervisor of the node" not in dead.output
    assert "Remove every component of the node" not in dead.output
    assert re.search(r"z1\"?: \"?unreachable", dead.output), dead.output


def test_playbook_updates_all_that_a_deployment_sets_up() -> None:
    """A part of site.yml that is missing leaves the node in the settings of the others, such as Prometheus' targets."""
    parts = {
        name: {line.split("parts/")[1] for line in (ROOT / name).read_text().splitlines() if "parts/" in line}
        for name in ("site.yml", "playbooks/remove_node.yml")
    }
    assert parts["playbooks/remove_node.yml"] - parts["site.yml"] == {"clean_removed.yml"}
    assert parts["site.yml"] - parts["playbooks/remove_node.yml"] == set()
