"""Status of GPUStack's workers and model instances."""

from datetime import UTC, datetime

import pytest
from ansible.module_utils.gpustack import status

NOW = datetime(2026, 1, 1, 12, 0, 0, tzinfo=UTC)


def worker(address, accelerators=8, state="ready", message=""):
    return {"address": address, "name": address, "state": state, "message": message, "accelerators": accelerators}


def instance(state, message="", restarts=0, created="2026-01-01T11:59:00Z", updated="2026-01-01T11:59:59Z", **fields):
    return {
        "state": state,
        "state_message": message,
        "restart_count": restarts,
        "created_at": created,
        "updated_at": updated,
        **fields,
    }


def test_a_worker_without_a_status_has_no_accelerators():
    entries = [
        {"ip": "a", "name": "n", "state": "not_ready", "state_message": "<a href='x'>lost</a>,\nsee", "status": None}
    ]
    assert status.describe_workers(entries) == [worker("a", 0, "not_ready", "lost, see") | {"name": "n"}]


@pytest.mark.parametrize(
    ("workers", "expected"),
    [
        ([worker("a"), worker("b")], (True, "2 of 2 workers ready, 16 of 16 accelerators")),
        (
            [worker("a")],
            (
                False,
                "1 of 2 workers ready, 8 of 16 accelerators; not registered: b"
                " (see `docker logs inferfleet-engine` there)",
            ),
        ),
        (
            [worker("a"), worker("b", 7)],
            (False, "2 of 2 workers ready, 15 of 16 accelerators; b has 7 accelerators instead of 8"),
        ),
        (
            [worker("a", 9), worker("b", 7)],
            (
                False,
                "2 of 2 workers ready, 16 of 16 accelerators; a has 9 accelerators instead of 8;"
                " b has 7 accelerators instead of 8",
            ),
        ),
        (
            [worker("a"), worker("b", 8, "unreachable", "no way in")],
            (False, "1 of 2 workers ready, 8 of 16 accelerators; b is unreachable (no way in)"),
        ),
        (
            [worker("a"), worker("b"), worker("c")],
            (
                False,
                "2 of 2 workers ready, 16 of 16 accelerators; not in this inventory: c"
                " (delete them on GPUStack's Workers page)",
            ),
        ),
        (
            [worker("a"), worker("b"), worker("c", 8, "not_ready")],
            (True, "2 of 2 workers ready, 16 of 16 accelerators"),
        ),
    ],
    ids=["complete", "missing", "a GPU short", "uneven", "unreachable", "unknown worker", "unknown worker not ready"],
)
def test_workers_status(workers, expected):
    ready, message = status.workers_status(workers, ["a", "b"], 16)
    assert (ready, str(message)) == expected


def test_only_wanted_fields_are_compared():
    wanted = status.wanted_model(True, "m", "/w", ["--a=1"], True)
    assert status.differing({**wanted, "id": 3, "replicas": 1}, wanted) == []
    assert status.differing({**wanted, "local_path": "/v", "replicas": 0}, wanted) == ["local_path", "replicas"]


def test_backend_name_of_each_generation():
    assert status.wanted_model(True, "m", "/w", [], False)["backend"] == "vllm"
    assert status.wanted_model(False, "m", "/w", [], False)["backend"] == "vLLM"


@pytest.mark.parametrize(
    ("instances", "expected"),
    [
        ([], (False, False, "no instance yet")),
        ([instance("running")], (True, False, "running")),
        ([instance("error", "x", 9), instance("running")], (True, False, "running")),
        ([instance("pending")], (False, False, "waiting for a worker")),
        (
            [instance("pending", "No suitable workers.\n- a\n- b")],
            (False, True, "waiting for a worker: No suitable workers. - a - b"),
        ),
        (
            [instance("pending", "No suitable workers.", created="2026-01-01T11:59:50Z")],
            (False, False, "waiting for a worker: No suitable workers."),
        ),
        ([instance("starting", worker_ip="10.0.0.1")], (False, False, "starting the engine on 10.0.0.1")),
        ([instance("downloading", download_progress=41.6)], (False, False, "downloading the model, 42 %")),
        ([instance("error", "exited with 1", 1)], (False, False, "failed after 1 restart: exited with 1")),
        ([instance("error", "exited with 1", 3)], (False, True, "failed after 3 restarts: exited with 1")),
        ([instance("starting", "", 7)], (False, False, "starting the engine after 7 restarts")),
        ([instance("error", "no such path", updated="2026-01-01T11:59:20Z")], (False, True, "failed: no such path")),
    ],
    ids=lambda value: value[0]["state"] if isinstance(value, list) and value else "",
)
def test_instances_status(instances, expected):
    ready, failed, message = status.instances_status(instances, 30, NOW)
    assert (ready, failed, str(message)) == expected


@pytest.mark.parametrize(
    ("moment", "seconds"),
    [
        ("2026-01-01T11:59:30Z", 30),
        ("2026-01-01T11:59:30.500000", 29.5),
        ("2026-01-01T14:00:00+02:00", 0),
        (None, 0),
        ("", 0),
    ],
)
def test_timestamps_of_both_generations(moment, seconds):
    assert status.seconds_since(moment, NOW) == seconds


@pytest.mark.parametrize(
    ("instances", "stalled"),
    [
        ([], False),
        ([instance("pending")], False),
        ([instance("pending", "No suitable workers.")], True),
        ([instance("error", "x")], True),
        ([instance("starting")], False),
        ([instance("error", "x"), instance("running")], False),
    ],
)
def test_stalled_instances_are_deployed_again(instances, stalled):
    assert status.stalled(instances) is stalled
