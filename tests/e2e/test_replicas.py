"""One replica of the model on each node instead of one on both: each has its own head node and API."""

from typing import Any

import pytest
from lab_cluster import API, MODEL, Controller, Lab, answers, webui_answers

pytestmark = pytest.mark.lab
REPLICAS = ("-e", "replicas=2")
SECOND = "http://198.18.5.12:8000"


def test_every_node_serves_a_replica(deployed: dict[str, Any], lab: Lab, controller: Controller) -> None:
    up = controller.inferfleet("up", *REPLICAS)
    assert up.rc == 0, up
    replicas = up.document["result"]["services"]
    assert {name: (own["model"], own["endpoints"][0]["url"]) for name, own in replicas.items()} == {
        "replica-1": (MODEL, f"{API}/v1"),
        "replica-2": (MODEL, f"{SECOND}/v1"),
    }
    assert [item for own in replicas.values() for item in own["verification"] if not item["ok"]] == []
    assert [lab.containers(node) for node in lab.names] == [
        ["inferfleet-engine", "inferfleet-ray", "inferfleet-webui"],
        ["inferfleet-engine", "inferfleet-ray"],
    ]


def test_a_replica_answers_without_the_other(deployed: dict[str, Any], lab: Lab, controller: Controller) -> None:
    assert answers()
    lab.ssh("node1", "docker stop inferfleet-engine")
    assert answers(api=SECOND)
    status = controller.inferfleet("status", *REPLICAS)
    assert status.rc == 2, status
    failed = {
        name: [item["name"]["message"] for item in own["verification"] if not item["ok"]]
        for name, own in status.document["result"]["services"].items()
    }
    assert failed["replica-1"]
    assert failed["replica-2"] == []


@pytest.mark.thorough
def test_next_run_repairs_it_without_changing_the_other(deployed: dict[str, Any], controller: Controller) -> None:
    up = controller.inferfleet("up", *REPLICAS)
    assert up.rc == 0, up
    assert {item["host"] for item in up.document["changed_tasks"]} == {"node1"}
    assert answers()
    assert webui_answers()


@pytest.mark.thorough
def test_second_run_changes_nothing(deployed: dict[str, Any], controller: Controller) -> None:
    again = controller.inferfleet("up", "--assert-no-change", *REPLICAS)
    assert again.rc == 0, again
