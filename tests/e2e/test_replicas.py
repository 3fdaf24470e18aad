"""One replica of the model on each node instead of one on both: each has its own head node and API."""

import re
from typing import Any

import httpx
import pytest
from lab_cluster import API, MODEL, SECRETS, Controller, Lab, answers, trusted, webui_answers

pytestmark = pytest.mark.lab
REPLICAS = ("-e", "replicas=2")
SECOND = "http://198.18.5.12:8000"
GATEWAY = "https://198.18.5.11:8443/v1"
PREFIXES, REPEATS = 8, 5


def prefix_hits() -> tuple[float, ...]:
    """Return the tokens that each engine found in its prefix cache."""
    texts = (httpx.get(f"{api}/metrics", trust_env=False).text for api in (API, SECOND))
    pattern = re.compile(r"^vllm:prefix_cache_hits_total{[^}]*} (\S+)$", re.MULTILINE)
    return tuple(sum(map(float, pattern.findall(text))) for text in texts)


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


def test_repeated_prefixes_are_in_the_cache_of_the_replica_that_gets_them(deployed: dict[str, Any]) -> None:
    headers = {"Authorization": f"Bearer {(SECRETS / 'api_clients' / 'default').read_text().strip()}"}
    hits: list[list[int]] = []  # of each prefix: the replica that found each of its repetitions in its cache
    with httpx.Client(verify=trusted(), trust_env=False, timeout=60, headers=headers) as client:
        for prefix in range(PREFIXES):
            text = f"Document {prefix}. " + f"Line {prefix} has {prefix * 7} words. " * 30
            found = []
            for turn in range(1 + REPEATS):
                before = prefix_hits()
                message = {"role": "user", "content": f"{text} Question {turn}?"}
                body = {"model": MODEL, "max_tokens": 1, "messages": [message]}
                assert client.post(f"{GATEWAY}/chat/completions", json=body).status_code == 200
                grown = [after > earlier for earlier, after in zip(before, prefix_hits(), strict=True)]
                found += [place for place, more in enumerate(grown) if more] if turn else []
            hits.append(found)
    on_one = sum(max(found.count(0), found.count(1)) for found in hits)
    assert on_one >= 0.9 * PREFIXES * REPEATS, hits
    assert {found[0] for found in hits} == {0, 1}, hits


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
