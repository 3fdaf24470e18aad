"""Verbs that change two replicas under constant streaming load: no request fails.

Only the stage of the engine runs, except where releases are recorded: test_replicas deploys the others before.
"""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest
from alert_history import PROMETHEUS
from lab_cluster import INVENTORY, ROOT, SECRETS, Controller, Finished, Lab, answers, eventually
from steady_load import SteadyLoad

pytestmark = [pytest.mark.lab, pytest.mark.soak]  # half an hour
GATEWAY = "https://198.18.5.11:8443"
REPLICAS = ("-e", "replicas=2")
ENGINE = ("--tags", "ray_cluster,inference_engine,release")
# The engine exits at its start, which the planner cannot know.
BROKEN = json.dumps({"engine_extra_args": ["--enforce-eager", "--tokenizer", "/nonexistent"]})
APIS = ("http://198.18.5.11:8000", "http://198.18.5.12:8000")
RELEASES = ROOT / INVENTORY / ".releases"


def sequences(lab: Lab) -> list[str]:
    """Return max_num_seqs of the running engine on each node."""
    form = "docker inspect --format '{{json .Config.Cmd}}' inferfleet-engine"
    commands = [json.loads(lab.ssh(node, form)) for node in lab.names]
    return [command[command.index("--max-num-seqs") + 1] for command in commands]


def inspected(lab: Lab, form: str, nodes: Sequence[str] = ()) -> list[str]:
    """Return a field of the engine's container on each node."""
    command = f"docker inspect --format '{{{{{form}}}}}' inferfleet-engine"
    return [lab.ssh(node, command).strip() for node in nodes or lab.names]


def started(lab: Lab, nodes: Sequence[str] = ()) -> list[str]:
    return inspected(lab, ".State.StartedAt", nodes)


def under_load(controller: Controller, *arguments: str) -> Finished:
    """Run a command under load; fail if a request failed."""
    with SteadyLoad(GATEWAY) as load:
        finished = controller.inferfleet(*arguments)
    assert load.failed == {}, finished
    assert load.outcomes["ok"] > 0
    return finished


@pytest.fixture(scope="module")
def two_replicas(deployed: dict[str, Any], controller: Controller) -> Iterator[None]:
    """Two replicas, as test_replicas has left them, and their release."""
    up = controller.inferfleet("up", *REPLICAS)
    assert up.rc == 0, up
    yield
    assert [answers(api=api) for api in APIS] == [True, True]


def test_setting_is_changed_replica_by_replica(two_replicas: None, lab: Lab, controller: Controller) -> None:
    upgrade = under_load(controller, "upgrade", *REPLICAS, *ENGINE, "-e", "max_num_seqs=6")
    assert upgrade.rc == 0, upgrade
    assert sequences(lab) == ["6", "6"]


def test_broken_setting_stops_after_the_first_replica(two_replicas: None, lab: Lab, controller: Controller) -> None:
    before = started(lab)
    upgrade = under_load(controller, "upgrade", *REPLICAS, *ENGINE, "-e", "max_num_seqs=6", "-e", BROKEN)
    assert upgrade.rc == 2, upgrade
    assert {failure["host"] for failure in upgrade.document["failures"]} == {"node1"}
    assert started(lab)[1] == before[1]
    assert [answers(api=api) for api in APIS] == [True, True]
    (replicas,) = controller.inferfleet("drain", "--list").document["result"]["replicas"].values()
    assert [replica["drained"] for replica in replicas] == [False, False]


def test_rollback_deploys_an_earlier_release(two_replicas: None, lab: Lab, controller: Controller) -> None:
    listed = controller.inferfleet("rollback", "--list")
    assert listed.rc == 0, listed
    assert listed.document["result"]["unfinished"]
    numbers = [release["number"] for release in listed.document["result"]["releases"]]
    rollback = under_load(controller, "rollback", "--to", str(numbers[1]), *ENGINE)
    assert rollback.rc == 0, rollback
    assert sequences(lab) == ["8", "8"]
    assert not (RELEASES / "unfinished.json").exists()


def newest_release() -> str:
    return str(max(int(folder.parent.name) for folder in RELEASES.glob("*/release.json")))


def test_slower_replica_returns_to_what_it_ran(
    two_replicas: None, lab: Lab, controller: Controller, tmp_path: Path
) -> None:
    bench = controller.inferfleet("bench", *REPLICAS, "--concurrency", "1", "--num-prompts", "4")
    assert bench.rc == 0, bench
    (folder,) = {report["bench"]["folder"] for report in bench.document["result"]["services"].values()}
    run = json.loads((Path(folder) / "bench.json").read_text())
    for measurement in run["measurements"]:
        measurement["output_throughput"] *= 1000  # of a faster earlier version
    (tmp_path / "bench.json").write_text(json.dumps(run))
    before = started(lab)
    gate = ("--compare", str(tmp_path), "--compare-limit", "50%")
    upgrade = under_load(controller, "upgrade", *REPLICAS, *ENGINE, "-e", "max_num_seqs=5", *gate)
    assert upgrade.rc == 6, upgrade
    assert started(lab)[1] == before[1]
    assert sequences(lab) == ["8", "8"]


def test_rollback_returns_to_the_digest_of_the_release(two_replicas: None, lab: Lab, controller: Controller) -> None:
    (name, _), before = inspected(lab, ".Config.Image"), inspected(lab, ".Image")
    since = started(lab)
    for node in lab.names:
        lab.ssh(node, f"tar -cf - /etc/hostname | docker import - {name}")
    rollback = under_load(controller, "rollback", "--to", newest_release(), *ENGINE)
    assert rollback.rc == 0, rollback
    names = [lab.ssh(node, f"docker image inspect --format '{{{{.Id}}}}' {name}").strip() for node in lab.names]
    assert names == inspected(lab, ".Image") == before
    assert started(lab) == since


def test_secrets_are_rotated(two_replicas: None, lab: Lab, controller: Controller) -> None:
    before = (SECRETS / "engine_api_key").read_text()
    rotated = under_load(controller, "rotate-secrets", *REPLICAS)
    assert rotated.rc == 0, rotated
    assert (SECRETS / "engine_api_key").read_text() != before
    assert not (SECRETS / "rotation.json").exists()


def test_node_of_a_replica_is_removed_and_joins_again(two_replicas: None, lab: Lab, controller: Controller) -> None:
    since = started(lab)[0]
    removed = under_load(controller, "remove-node", "node2", "-e", "replicas=1")
    assert removed.rc == 0, removed
    assert started(lab, ["node1"]) == [since]
    assert lab.ssh("node2", "docker ps --all --quiet") == ""
    scaled = under_load(controller, "scale", *REPLICAS)
    assert scaled.rc == 0, scaled
    assert started(lab)[0] == since


def scraped() -> set[str]:
    """Return the nodes that Prometheus gets metrics from."""
    answer = httpx.get(f"{PROMETHEUS}/api/v1/targets", trust_env=False, timeout=30).raise_for_status()
    return {target["labels"]["node"] for target in answer.json()["data"]["activeTargets"]}


def test_dead_node_is_removed_and_cleaned_when_it_answers(two_replicas: None, lab: Lab, controller: Controller) -> None:
    since = started(lab)[0]
    lab.power_off("node2")
    try:
        eventually(lambda: answers(), 60, "the other replica answers")
        removed = under_load(controller, "remove-node", "node2", "-e", "replicas=1")
        assert removed.rc == 0, removed
        assert removed.document["result"]["removed_nodes"] == {"node2": "unreachable"}
        assert scraped() == {"node1"}
    finally:
        lab.power_on("node2")
    again = under_load(controller, "remove-node", "node2", "-e", "replicas=1")
    assert again.rc == 0, again
    assert again.document["result"]["removed_nodes"] == {"node2": ""}
    assert lab.ssh("node2", "docker ps --all --quiet") == ""
    assert started(lab, ["node1"]) == [since]
    scaled = under_load(controller, "scale", *REPLICAS)
    assert scaled.rc == 0, scaled
    assert scraped() == {"node1", "node2"}
