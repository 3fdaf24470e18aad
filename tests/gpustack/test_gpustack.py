"""The GPUStack modules against real servers and workers of both generations."""

import time
from pathlib import Path

import pytest
from tests.gpustack.processes import ACCELERATORS, ADDRESS, PASSWORD, TOKEN

KEY = "KeyOfTheTests0123456789abcdefghijklmnopqrst"


def wait(query, until, seconds=200):
    """Repeat a question until the answer suits, as a task with `until` does."""
    end = time.monotonic() + seconds
    while not until(answer := query()):
        assert time.monotonic() < end, answer
        time.sleep(1)
    return answer


@pytest.fixture(scope="module")
def workers(cluster, run):
    """Return the module's result once the worker has registered."""

    def query():
        return run(cluster, "gpustack_worker_facts", nodes=[ADDRESS], accelerators=ACCELERATORS)

    cluster.wait_until_worker_is_up()
    return wait(query, lambda answer: answer["ready"])


@pytest.fixture
def no_models(cluster, run, workers):
    yield
    for name in ("first", "second"):
        assert not run(cluster, "gpustack_model", name=name, state="absent").get("failed")


def test_workers_register_with_the_token_and_all_accelerators(cluster, workers):
    assert workers["version"] == cluster.version
    assert workers["msg"] == f"1 of 1 workers ready, {ACCELERATORS} of {ACCELERATORS} accelerators"
    assert [(w["address"], w["state"], w["accelerators"]) for w in workers["workers"]] == [(ADDRESS, "ready", 2)]


@pytest.mark.parametrize(
    ("nodes", "accelerators", "message"),
    [
        pytest.param(
            [ADDRESS, "127.0.0.9"],
            2 * ACCELERATORS,
            "1 of 2 workers ready, 2 of 4 accelerators;"
            " not registered: 127.0.0.9 (see `docker logs inferfleet-engine` there)",
            id="node",
        ),
        pytest.param(
            [ADDRESS],
            8,
            "1 of 1 workers ready, 2 of 8 accelerators; 127.0.0.1 has 2 accelerators instead of 8",
            id="accelerator",
        ),
    ],
)
def test_what_is_missing_is_reported(cluster, run, workers, nodes, accelerators, message):
    # A busy machine answers the server's health check late now and then, and the worker counts as unreachable until the
    # next check.
    answer = wait(
        lambda: run(cluster, "gpustack_worker_facts", nodes=nodes, accelerators=accelerators),
        lambda answer: "is unreachable" not in answer["msg"],
    )
    assert not answer["ready"]
    assert answer["msg"] == message


def test_wrong_password_is_rejected_at_once(cluster, run):
    answer = run(cluster, "gpustack_worker_facts", nodes=[ADDRESS], accelerators=2, password="not-the-password")
    assert (answer["ready"], answer["refused"]) == (False, True)
    assert "rejects the password of admin: it keeps the password of its first start" in answer["msg"]


def test_worker_without_the_token_is_rejected(clusters, run):
    cluster = clusters.get("0.7.1")
    cluster.start_worker("unknown", token="not-the-token")
    wait(lambda: cluster.log("unknown"), lambda log: "401" in log or "Invalid authentication" in log, 60)
    answer = run(cluster, "gpustack_worker_facts", nodes=[ADDRESS], accelerators=ACCELERATORS)
    assert "unknown" not in [worker["name"] for worker in answer["workers"]]


def test_no_secret_is_in_a_command_line(cluster, workers):
    for process in cluster.processes.values():
        argv = Path(f"/proc/{process.pid}/cmdline").read_bytes().decode()
        assert TOKEN not in argv
        assert PASSWORD not in argv


def test_client_key_allows_inference_only(cluster, run, workers):
    foreseen = run(cluster, "gpustack_api_key", value=KEY, check=True)
    assert (foreseen["changed"], foreseen["value"]) == (True, KEY)
    made = run(cluster, "gpustack_api_key", value=KEY)
    assert made["changed"]
    assert made["made"] == (cluster.version == "0.7.1")
    bearer = f"Bearer {made['value']}"
    generation = "v1" if made["made"] else "v2"
    assert cluster.status("/v1-openai/models", bearer) == 200
    assert cluster.status(f"/{generation}/workers", bearer) == 403
    assert cluster.status("/v1-openai/models", "Bearer not-the-key") == 401
    again = run(cluster, "gpustack_api_key", value=made["value"])
    assert (again["changed"], again["made"]) == (False, False)
    replaced = run(cluster, "gpustack_api_key", value=KEY[::-1])
    assert replaced["changed"]
    assert cluster.status("/v1-openai/models", bearer) == 401
    assert cluster.status("/v1-openai/models", f"Bearer {replaced['value']}") == 200


def test_model_is_deployed_again_only_if_it_differs(cluster, run, no_models):
    wanted = {"path": "/data/models/nowhere", "parameters": ["--tensor-parallel-size=2", "--max-model-len=4096"]}
    assert run(cluster, "gpustack_model", name="first", **wanted, check=True)["changed"]
    assert not run(cluster, "gpustack_model_facts", name="first")["deployed"]
    assert run(cluster, "gpustack_model", name="first", **wanted)["changed"]
    assert run(cluster, "gpustack_model_facts", name="first")["deployed"]
    again = run(cluster, "gpustack_model", name="first", **wanted)
    assert again["differing"] in ([], ["state"])  # its weights are nowhere, so it may be stranded by now
    longer = {**wanted, "parameters": ["--tensor-parallel-size=2", "--max-model-len=8192"]}
    changed = run(cluster, "gpustack_model", name="first", **longer)
    assert (changed["changed"], changed["differing"], changed["deleted"]) == (True, ["backend_parameters"], ["first"])
    second = run(cluster, "gpustack_model", name="second", **wanted)
    assert (second["changed"], second["deleted"]) == (True, ["first"])
    gone = run(cluster, "gpustack_model", name="second", state="absent")
    assert (gone["changed"], gone["deleted"]) == (True, ["second"])
    assert not run(cluster, "gpustack_model", name="second", state="absent")["changed"]


def test_oversized_model_fails_with_gpustacks_message(cluster, run, no_models, tiny_r1):
    run(cluster, "gpustack_model", name="first", path=tiny_r1, parameters=["--tensor-parallel-size=4"])
    answer = wait(
        lambda: run(cluster, "gpustack_model_facts", name="first", patience=2),
        lambda answer: answer["fatal"] or answer["ready"],
    )
    assert not answer["ready"]
    assert answer["msg"].startswith("first in GPUStack: waiting for a worker: No suitable workers. Details: ")
    again = run(cluster, "gpustack_model", name="first", path=tiny_r1, parameters=["--tensor-parallel-size=4"])
    assert (again["changed"], again["differing"]) == (True, ["state"])


def test_missing_path_fails_with_gpustacks_message(cluster, run, no_models):
    run(cluster, "gpustack_model", name="first", path="/data/models/nowhere", parameters=["--tensor-parallel-size=2"])
    answer = wait(
        lambda: run(cluster, "gpustack_model_facts", name="first", patience=5),
        lambda answer: answer["fatal"] or answer["ready"],
    )
    assert not answer["ready"]
    assert "/data/models/nowhere" in answer["msg"]
