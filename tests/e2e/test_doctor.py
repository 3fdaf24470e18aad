"""`inferfleet doctor` on the deployed cluster: healthy, and with each breakage."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from breakages import Breakage, findings, load
from lab_cluster import TOOLS, Controller, Finished, Lab, answers, eventually, secrets

pytestmark = pytest.mark.lab
QUICK = [case for case in load() if case.shows and not case.slow]
TIMEOUT = 240  # seconds: the start of an engine, with reserve


@pytest.fixture(scope="module", autouse=True)
def repaired(deployed: dict[str, Any]) -> Iterator[None]:
    """Wait until the cluster is healthy again after all tests."""
    yield
    eventually(answers, TIMEOUT, "the service answers after the repair")


@pytest.fixture(scope="module")
def first(deployed: dict[str, Any], controller: Controller) -> Finished:
    """The diagnosis of the cluster as it was deployed."""
    return controller.inferfleet("doctor")


def test_healthy_cluster_has_no_findings(first: Finished) -> None:
    found = findings(first.document)
    assert found.keys() <= {"client-wrong-key"}, found  # earlier tests sent many requests with wrong keys
    assert (first.rc, first.document["changed_tasks"]) == (7 if found else 0, []), first
    analyzed = first.document["result"]["doctor"]["analyzed"]
    assert analyzed["nodes"] == ["node1", "node2"]
    assert analyzed["lines"] > 500
    assert analyzed["unread"] == []


def test_evidence_is_private_and_contains_no_secret(first: Finished) -> None:
    files = [path for path in Path(first.document["result"]["doctor"]["folder"]).rglob("*") if path.is_file()]
    assert {"service.json", "state.json", "inferfleet-engine.log", "raylet.out"} <= {path.name for path in files}
    assert {path.stat().st_mode & 0o077 for path in files} == {0}
    text = "\n".join(path.read_text() for path in files)
    assert [name for name, value in secrets().items() if value in text] == []
    assert "OPENAI_API_KEY" not in text


def test_offline_diagnosis_of_the_evidence_is_identical(first: Finished) -> None:
    argv = [TOOLS / "inferfleet", "doctor", "--logs", first.document["result"]["doctor"]["folder"], "--json"]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == first.rc
    online, offline = first.document["result"]["doctor"], json.loads(done.stdout)["result"]["doctor"]
    assert offline["findings"] == online["findings"]
    assert offline["analyzed"]["logs"] == online["analyzed"]["logs"]


@pytest.mark.parametrize("case", QUICK, ids=lambda case: case.name)
def test_breakage_is_found(case: Breakage, first: Finished, controller: Controller, lab: Lab) -> None:
    try:
        case.apply()
        done = controller.inferfleet("doctor", *case.doctor)
    finally:
        case.repair()
    found = findings(done.document)
    assert set(case.shows) <= found.keys(), done
    assert (done.rc, done.document["outcome"]) == (2, "failed"), done
    assert all(found[name]["evidence"] and found[name]["remedy"] for name in case.shows)


def test_repaired_breakages_are_reported_as_resolved(first: Finished, controller: Controller) -> None:
    eventually(answers, TIMEOUT, "the service answers after the repair")
    done = controller.inferfleet("doctor")
    past = {finding["id"] for finding in done.document["result"]["doctor"]["findings"] if not finding["now"]}
    assert {"placement-group-pending", "port-in-use"} <= past
    assert [f for f in findings(done.document).values() if f["severity"] == "error"] == [], done
