"""Interrupted, stalled and damaged downloads: a run resumes, or fails with one message."""

import contextlib
import os
import subprocess

import pytest
from tests.weights.fleet import on_disk, total, wait_for


@pytest.fixture
def slow_hub(hub):
    hub.call("POST", "/_lab/rate", {"bytes_per_second": 4_000_000})
    return hub


def test_killed_nodes_resume(fleet, files, slow_hub):
    fleet.start()
    wait_for(lambda: any(on_disk(node) > 4_000_000 for node in fleet.nodes))
    for node in fleet.nodes:
        node.kill()
    before = slow_hub.stats()["bytes"]
    assert not any(node.path.exists() for node in fleet.nodes), "an incomplete model has the final name"
    slow_hub.call("POST", "/_lab/rate", {"bytes_per_second": None})
    fleet.start()
    results = fleet.end()
    assert all(fleet.is_complete(node) for node in fleet.nodes)
    # Data in flight when the nodes were killed may be fetched again: at most one second's worth.
    assert sum(r["wan"] for r in results) <= total(files) - before + 5_000_000


def test_a_killed_node_does_not_stop_the_others(fleet, files, slow_hub):
    fleet.start()
    wait_for(lambda: on_disk(fleet.nodes[0]) > 2_000_000)
    fleet.nodes[2].kill()
    results = [node.end() for node in fleet.nodes[:2]]
    assert [r.get("msg") for r in results] == [None, None]
    assert all(fleet.is_complete(node) for node in fleet.nodes[:2])
    fleet.start(expected=["node3"])
    assert fleet.end()[2]["wan"] == 0
    assert fleet.is_complete(fleet.nodes[2])


def test_file_damaged_on_the_wan_is_fetched_again(fleet, files, hub):
    name = "model-00002-of-00008.safetensors"
    hub.faults({"path": f".*{name}", "fault": "corrupt", "at": 700_000, "times": 1})
    fleet.start()
    results = fleet.end()
    assert all(fleet.is_complete(node) for node in fleet.nodes)
    assert any(f"{name}: arrived damaged" in event["message"] for r in results for event in r["events"])
    assert sum(r["wan"] for r in results) <= 1.05 * (total(files) + files[name]["size"])


def test_next_source_replaces_a_stalled_one(fleet, files, hub, hub_root):
    hub.faults({"path": ".*model-00005.*", "fault": "stall", "after": 500_000})
    sources = [
        {"type": "huggingface", "endpoint": hub.url, "repository": "inferfleet/tiny"},
        {"type": "path", "path": str(hub_root / "inferfleet/tiny")},
    ]
    fleet.start(sources=sources, stall=1)
    results = fleet.end()
    assert all(fleet.is_complete(node) for node in fleet.nodes)
    assert any("no data for 1 s" in event["message"] for r in results for event in r["events"])


@pytest.mark.parametrize(
    ("rule", "cause"),
    [
        ({"fault": "status", "status": 403}, "HTTP 403: it denies access"),
        ({"fault": "status", "status": 404}, "HTTP 404: it does not have the file"),
        ({"fault": "status", "status": 503}, "HTTP 503: it fails"),
        ({"fault": "redirect_loop"}, "too many redirects"),
        ({"fault": "corrupt", "at": 10}, "its content does not match the manifest"),
        ({"fault": "cut", "after": 1000}, "closed connection"),
        ({"fault": "slow", "rate": 2000}, "bytes/s over 1 s, the minimum is 100000"),
    ],
    ids=lambda value: value["fault"] if isinstance(value, dict) else "",
)
def test_failure_names_file_and_cause(fleet, hub, rule, cause):
    node = fleet.nodes[0]
    hub.faults({"path": ".*model-00004.*", "times": 0, **rule})
    fleet.start_alone(node, min_rate=100_000, stall=1, rounds=1)
    check_failure(node, node.end(), cause)
    hub.faults()
    fleet.start_alone(node)
    assert node.end().get("msg") is None


def check_failure(node, result, cause):
    assert result["failed"], node.name
    assert "model-00004-of-00008.safetensors: " in result["msg"]
    assert cause in result["msg"]
    assert "the download resumes where it stopped" in result["msg"]
    assert not node.path.exists()


def test_all_nodes_report_a_file_that_none_can_fetch(fleet, hub):
    hub.faults({"path": ".*model-00004.*", "times": 0, "fault": "status", "status": 404})
    fleet.start(rounds=1)
    for node, result in zip(fleet.nodes, fleet.end(), strict=True):
        check_failure(node, result, "HTTP 404: it does not have the file")


def test_too_many_requests_are_retried_later(fleet, hub):
    hub.faults({"path": ".*model-00006.*", "fault": "status", "status": 429, "retry_after": 1, "times": 2})
    fleet.start()
    results = fleet.end()
    assert [r.get("msg") for r in results] == [None] * 3
    assert any("HTTP 429: it limits the rate" in event["message"] for r in results for event in r["events"])


def test_run_resumes_with_a_server_without_ranges(fleet, files, slow_hub):
    slow_hub.faults({"path": ".*safetensors", "fault": "ignore_range", "times": 0})
    node = fleet.nodes[0]
    fleet.start_alone(node)
    wait_for(lambda: on_disk(node) > 2_000_000)
    node.kill()
    slow_hub.call("POST", "/_lab/rate", {"bytes_per_second": None})
    fleet.start_alone(node)
    assert node.end().get("msg") is None
    assert fleet.is_complete(node)


@contextlib.contextmanager
def small_disk(path, size):
    path.mkdir(parents=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", path], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", path], check=True)


@pytest.mark.skipif(os.geteuid() != 0, reason="mounts a small disk, which only root may")
def test_full_disk_is_reported_and_the_others_finish(fleet, files):
    node = fleet.nodes[1]
    with small_disk(node.path.parent, "6m"):
        fleet.start()
        results = fleet.end()
        assert results[1]["failed"]
        assert "cannot be written: No space left on device" in results[1]["msg"]
        assert str(node.path.parent) in results[1]["msg"]
        assert "Free space there" in results[1]["msg"]
    assert fleet.is_complete(fleet.nodes[0])
    assert fleet.is_complete(fleet.nodes[2])


def test_port_in_use_is_reported(fleet):
    import socket

    node = fleet.nodes[0]
    with socket.socket() as taken:
        taken.bind((node.address, node.port))
        taken.listen()
        fleet.start([node])
        message = node.end()["msg"]
    assert message == (
        f"Port {node.port} of {node.address} cannot be used to send weights to the other nodes: Address already in use."
        " Set model_weights_port to an unused port."
    )
