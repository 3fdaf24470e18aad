"""Limits of clients, of the queue and of the size of requests, in the distribution's HAProxy."""

import json
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from tests.gateway.answers import CHAT, refused
from tests.gateway.conftest import BODY_BYTES


@pytest.mark.parametrize("size", [BODY_BYTES, 100_000_000])
@pytest.mark.parametrize("chunked", [False, True])
def test_larger_body_is_refused(gateway, size, chunked):
    start = b'{"model": "small", "messages": "'
    parts = (start, *(b"x" * 65536 for _ in range(size // 65536)), b'"}')
    sent = sum(map(len, parts))
    length = "Transfer-Encoding: chunked" if chunked else f"Content-Length: {sent}"
    key = "Authorization: Bearer sk-alice"
    head = f"POST {CHAT} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{key}\r\n{length}\r\n\r\n".encode()
    framed = (*(b"%x\r\n%s\r\n" % (len(part), part) for part in parts), b"0\r\n\r\n") if chunked else parts
    answer = gateway.raw_parts([head, *framed])
    assert answer.startswith(b"HTTP/1.1 413 "), answer[:200]
    assert b"request_too_large" in answer
    assert f"larger than {BODY_BYTES} bytes".encode() in answer


def test_rate_limit(gateway):
    answers = [gateway.chat("small", "slow") for _ in range(5)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429, 429]
    refused(answers[-1], 429, "rate_limit_exceeded")
    assert answers[-1].headers["retry-after"] == "21"
    assert gateway.chat("small").status_code == 200


def test_limit_of_concurrent_requests(gateway):
    with ThreadPoolExecutor() as pool:
        first = pool.submit(gateway.chat, "small", "single", wait=1)
        time.sleep(0.4)
        second = gateway.chat("small", "single")
        refused(second, 429, "rate_limit_exceeded")
        assert second.headers["retry-after"] == "1"
        assert first.result().status_code == 200
    assert gateway.chat("small", "single").status_code == 200


def test_queue_is_bounded_in_length_and_time(gateway):
    with ThreadPoolExecutor() as pool:
        running = pool.submit(gateway.chat, "busy", wait=3)
        time.sleep(0.3)
        waiting = pool.submit(gateway.chat, "busy")  # for at most queue_seconds
        time.sleep(0.3)
        beyond = gateway.chat("busy")
        refused(beyond, 503, "overloaded")
        assert beyond.headers["retry-after"] == "5"
        assert beyond.elapsed.total_seconds() < 0.5
        refused(waiting.result(), 503, "overloaded")
        assert waiting.result().headers["retry-after"] == "5"
        assert 1.5 < waiting.result().elapsed.total_seconds() < 2.9
        assert running.result().status_code == 200


def test_large_headers_are_rejected(gateway):
    """They would fill the buffer, and the size of the body would not be known."""
    body = json.dumps({"model": "small", "padding": "x" * (2 * gateway.limits.body_bytes)}).encode()
    with gateway.client(headers={"Authorization": "Bearer sk-alice", "X-Padding": "x" * 30000}) as client:
        answer = client.post(CHAT, content=iter([body]))
    assert (answer.status_code, answer.json()["error"]["code"]) == (431, "headers_too_large")
