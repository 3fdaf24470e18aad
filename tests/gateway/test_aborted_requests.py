"""A client that leaves frees its place: in the queue, at the engine, and among its requests at the same time."""

import contextlib
import json
import subprocess

import pytest
from tests.gateway.answers import CHAT, refused


@contextlib.contextmanager
def sent(gateway, http, client="alice", **body):
    """Send a request with curl, which leaves at the end of the context."""
    url = f"https://127.0.0.1:{gateway.port}{CHAT}"
    command = [
        "curl",
        "--silent",
        http,
        "--cacert",
        gateway.folder / "ca.pem",
        "--no-buffer",
        "--json",
        json.dumps(body),
    ]
    command += ["--header", f"Authorization: Bearer sk-{client}", url]
    process = subprocess.Popen(command, stdout=subprocess.PIPE)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def queue(gateway):
    """Return how many requests wait for the model `busy`, and how many run."""
    lines = gateway.admin("show stat").splitlines()
    row = next(line.split(",") for line in lines if line.startswith("model_busy,BACKEND"))
    server = next(line.split(",") for line in lines if line.startswith("model_busy,n4"))
    return int(row[2]) + int(server[2]), int(server[4])


@pytest.mark.parametrize("http", ["--http1.1", "--http2"])
def test_request_without_a_client_is_ended_at_the_engine(gateway, http):
    engine = gateway.engines["n4"]
    before, aborted = len(engine.requests), engine.aborted
    with sent(gateway, http, model="busy", wait=60):
        gateway.until(lambda: len(engine.requests) > before)
    gateway.until(lambda: engine.aborted > aborted)
    assert gateway.chat("busy").status_code == 200


@pytest.mark.parametrize("http", ["--http1.1", "--http2"])
def test_request_whose_client_left_the_queue_is_not_sent(gateway, http):
    engine = gateway.engines["n4"]
    before, aborted = len(engine.requests), engine.aborted
    with sent(gateway, http, model="busy", wait=60):
        gateway.until(lambda: len(engine.requests) > before)
        with sent(gateway, http, model="busy"):
            gateway.until(lambda: queue(gateway) == (1, 1))
        gateway.until(lambda: queue(gateway) == (0, 1))
    gateway.until(lambda: engine.aborted > aborted)
    assert gateway.chat("busy").status_code == 200
    assert len(engine.requests) == before + 2


@pytest.mark.parametrize("http", ["--http1.1", "--http2"])
def test_stream_without_a_client_is_ended_at_the_engine(gateway, http):
    engine = gateway.engines["n4"]
    with sent(gateway, http, model="busy", stream=True, max_tokens=10_000) as client:
        assert client.stdout.readline().startswith(b"data: n4")
        assert queue(gateway) == (0, 1)
    gateway.until(lambda: queue(gateway) == (0, 0))
    tokens = engine.tokens
    assert gateway.chat("busy").status_code == 200
    assert engine.tokens - tokens < 10_000


@pytest.mark.parametrize("http", ["--http1.1", "--http2"])
def test_client_may_send_again_after_it_left(gateway, http):
    """Its limit of requests at the same time."""
    with sent(gateway, http, "single", model="busy", wait=60):
        gateway.until(lambda: queue(gateway) == (0, 1))
        refused(gateway.chat("small", "single"), 429, "rate_limit_exceeded")
    gateway.until(lambda: gateway.chat("small", "single").status_code == 200)
