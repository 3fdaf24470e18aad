"""Faults of clients and replicas in front of and behind the distribution's HAProxy."""

import json
import socket
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from tests.gateway.answers import CHAT, stream


def test_stream_arrives_in_parts_and_outlives_a_reload(gateway):
    started = threading.Event()
    before = gateway.sent_tokens()
    with ThreadPoolExecutor() as pool:
        running = pool.submit(stream, gateway, 20, started)
        assert started.wait(5)
        assert gateway.sent_tokens() - before < 10  # the first part was not held back until the engine had sent others
        gateway.reload_and_wait()
        assert gateway.chat("small").status_code == 200
        assert len(running.result()) == 20


def test_unhealthy_replica_is_left_out(gateway):
    gateway.engines["n1"].healthy = False
    try:
        gateway.until(lambda: {gateway.chat("deepseek/r1").json()["server"] for _ in range(4)} == {"n2"})
    finally:
        gateway.engines["n1"].healthy = True
    gateway.until(lambda: "DOWN" not in gateway.admin("show stat"))


@pytest.mark.parametrize(
    ("headers", "statuses"),
    [
        ("Content-Length: 18\r\nContent-Length: 19", (b"400",)),
        ("Content-Length: 18\r\nTransfer-Encoding: chunked", (b"200", b"400")),
        ("Transfer-Encoding: xchunked", (b"400", b"422", b"501")),
        ("Content-Length: -1", (b"400",)),
        ("Content-Length : 18", (b"400",)),
        ("Content-Length: 18\r\nbad header: 1", (b"400",)),
    ],
)
def test_smuggled_requests_do_not_reach_an_engine(gateway, headers, statuses):
    before = [len(engine.requests) for engine in gateway.engines.values()]
    hidden = b"POST /invocations HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}"
    head = f"POST {CHAT} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer sk-alice\r\n{headers}\r\n\r\n".encode()
    body = b'12\r\n{"model": "small"}\r\n0\r\n\r\n' if "chunked" in headers else b'{"model": "small"}'
    answer = gateway.raw(head + body + hidden, seconds=3)
    assert answer.split(b" ")[1] in statuses, answer[:200]
    assert all(path.endswith("/chat/completions") for engine in gateway.engines.values() for path in engine.requests)
    after = [len(engine.requests) for engine in gateway.engines.values()]
    assert sum(after) - sum(before) == int(answer.startswith(b"HTTP/1.1 200"))


def test_http_1_0_and_absolute_urls(gateway):
    body = b'{"model": "small"}'
    length = f"Authorization: Bearer sk-alice\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    for request in (
        f"POST {CHAT} HTTP/1.0\r\n",
        f"POST http://other{CHAT} HTTP/1.1\r\nHost: other\r\nConnection: close\r\n",
    ):
        answer = gateway.raw(request.encode() + length + body)
        assert answer.split(b" ")[1] == b"200", answer
        assert b'"path": "/v1-other/chat/completions"' in answer


@pytest.mark.parametrize("host", ["evil.example.com", "127.0.0.1:1", "[::1]", ""])
@pytest.mark.parametrize(("path", "status"), [("/invocations", 404), (CHAT, 401)])
def test_wrong_host_opens_nothing_and_is_logged(gateway, host, path, status):
    before, received = len(gateway.requests()), [len(engine.requests) for engine in gateway.engines.values()]
    answer = gateway.raw(
        f"POST {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{{}}".encode()
    )
    assert answer.startswith(f"HTTP/1.1 {status} ".encode()), answer[:200]
    assert b"evil" not in answer
    gateway.logged(before, status=status, path=path, client="-")
    assert [len(engine.requests) for engine in gateway.engines.values()] == received


@pytest.mark.parametrize("part", ["headers", "body"])
def test_slow_clients_are_disconnected(gateway, part):
    request = f"POST {CHAT} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer sk-alice\r\n"
    sent = request if part == "headers" else f'{request}Content-Length: 100\r\n\r\n{{"model": '
    begin = time.monotonic()
    answer = gateway.raw(sent.encode(), seconds=20)
    assert b" 408 " in answer.splitlines()[0]
    assert time.monotonic() - begin < 15


def test_connection_without_a_tls_handshake_is_closed(gateway):
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=15) as connection:
        assert connection.recv(1) == b""


@pytest.mark.parametrize("http", ["--http1.1", "--http2"])
@pytest.mark.parametrize("body", [{"wait": 3}, {"stream": True, "max_tokens": 2, "pause": 3}])
def test_client_may_wait_longer_for_an_answer_than_it_may_be_silent(gateway, http, body):
    assert gateway.limits.client_seconds < 3
    command = [
        "curl",
        "--silent",
        http,
        "--cacert",
        gateway.folder / "ca.pem",
        "--write-out",
        "%{http_code} %{http_version}",
    ]
    command += ["--header", "Authorization: Bearer sk-alice", "--json", json.dumps({"model": "small", **body})]
    done = subprocess.run(
        [*command, f"https://127.0.0.1:{gateway.port}{CHAT}"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done
    assert done.stdout.endswith("200 2" if http == "--http2" else "200 1.1")
    assert "n3" in done.stdout


def test_killed_replica_is_replaced_by_another(gateway):
    """Last test: it ends an engine."""
    gateway.engines["n1"].stop()
    answers = [gateway.chat("deepseek/r1") for _ in range(10)]
    assert {(answer.status_code, answer.json()["server"]) for answer in answers} == {(200, "n2")}
