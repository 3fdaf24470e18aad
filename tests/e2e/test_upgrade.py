"""Upgrade, a failed upgrade and rollback of two replicas under constant streaming load: no request fails.

Only the stage of the engine runs, except where releases are recorded: test_replicas deploys the others before.
"""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from lab_cluster import INVENTORY, ROOT, Controller, Finished, Lab, answers
from steady_load import SteadyLoad

pytestmark = [pytest.mark.lab, pytest.mark.soak]  # twelve minutes
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


def started(lab: Lab) -> list[str]:
    return [lab.ssh(node, "docker inspect --format '{{.State.StartedAt}}' inferfleet-engine") for node in lab.names]


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
