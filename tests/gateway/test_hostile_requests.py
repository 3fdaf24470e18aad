"""Requests that try to pass something behind the gateway, to hold it up, or to leave a key in its log."""

import contextlib
import json
import socket
import ssl
from concurrent.futures import ThreadPoolExecutor

import pytest
from tests.gateway import http2
from tests.gateway.answers import CHAT
from tests.gateway.conftest import ENGINE_KEY, KEYS, Gateway

BODY = b'{"model": "small"}'
HIDDEN = b"POST /invocations HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}"
SLOW = 50  # connections


def headers(*added: tuple[bytes, bytes], path: bytes = CHAT.encode(), method: bytes = b"POST") -> http2.Headers:
    """Return the headers of a request over HTTP/2."""
    first = [(b":method", method), (b":scheme", b"https"), (b":path", path), (b":authority", b"x")]
    return [*first, (b"authorization", b"Bearer sk-alice"), *added]


def received(gateway: Gateway) -> int:
    """Return how many requests the engines have received; none but for chat completions."""
    paths = [path for engine in gateway.engines.values() for path in engine.requests]
    assert all(path.endswith("/chat/completions") for path in paths)
    return len(paths)


def test_valid_request_over_raw_http2_is_answered(gateway):
    before = received(gateway)
    assert http2.send(gateway, headers((b"content-length", b"18")), [BODY]) == 200
    assert received(gateway) == before + 1


@pytest.mark.parametrize(
    "added",
    [
        (b"transfer-encoding", b"chunked"),
        (b"connection", b"transfer-encoding"),
        (b"content-length", b"0"),
        (b"content-length", b"17"),
        (b"content-length", b"1000"),
        (b"content-length", b"18, 18"),
        (b"x", b"a\r\n\r\n" + HIDDEN),
        (b"x", b"a\ntransfer-encoding: chunked"),
        (b"x\r\ntransfer-encoding", b"chunked"),
        (b"x: a\r\ny", b"b"),
        (b"Content-Length", b"18"),
        (b"", b"a"),
        (b":path", b"/invocations"),
    ],
)
def test_request_that_http1_would_read_differently_does_not_reach_an_engine(gateway, added):
    before = received(gateway)
    assert http2.send(gateway, headers(added), [BODY, b"0\r\n\r\n", HIDDEN]) in (http2.REFUSED, 400)
    assert http2.send(gateway, headers(), [BODY]) == 200
    assert received(gateway) == before + 1


@pytest.mark.parametrize(
    "path",
    [
        b"/invocations",
        b"//v1/chat/completions",
        b"/v1/../invocations",
        b"/v1/chat%2fcompletions",
        b"/v1/chat/completions HTTP/1.1\r\nx: y",
        b"/v1/chat/completions\n",
        b"https://x/invocations",
        b"*",
        b"",
    ],
)
def test_other_paths_are_not_found_over_http2(gateway, path):
    before = received(gateway)
    assert http2.send(gateway, headers(path=path), [BODY]) in (http2.REFUSED, 400, 404)
    assert received(gateway) == before


@pytest.mark.parametrize("method", [b"POST /invocations HTTP/1.1\r\nx:", b"CONNECT", b"PRI"])
def test_other_methods_over_http2_open_nothing(gateway, method):
    before = received(gateway)
    assert http2.send(gateway, headers(method=method), [BODY]) in (http2.REFUSED, 400, 404, 405)
    assert received(gateway) == before


def drip(gateway: Gateway, part: str) -> bytes:
    """Return the first answer to a request whose headers or body are sent byte by byte, with 0.3 s between."""
    context = ssl.create_default_context(cafile=str(gateway.folder / "ca.pem"))
    head = f"POST {CHAT} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer sk-alice\r\nContent-Length: 1000\r\n"
    with (
        socket.create_connection(("127.0.0.1", gateway.port)) as plain,
        context.wrap_socket(plain, server_hostname="127.0.0.1") as channel,
    ):
        channel.settimeout(0.3)
        channel.sendall((head if part == "headers" else f"{head}\r\n").encode())
        for _ in range(200):
            with contextlib.suppress(TimeoutError):
                return channel.recv(65536)
            channel.sendall(b"x: y\r\n" if part == "headers" else b"x")
    return b"none"


def test_requests_that_never_end_are_refused_and_hold_nobody_up(gateway):
    """Their clients are never silent for long. Since 3.0, HAProxy continues to read after its answer."""
    with ThreadPoolExecutor(SLOW) as pool:
        slow = [pool.submit(drip, gateway, ("headers", "body")[number % 2]) for number in range(SLOW)]
        gateway.until(lambda: connections(gateway) >= SLOW)
        assert gateway.chat("small").status_code == 200
        assert {each.result().split(b" ")[1] for each in slow} == {b"408"}


def connections(gateway: Gateway) -> int:
    """Return the number of open connections."""
    info = dict(line.split(": ", 1) for line in gateway.admin("show info").splitlines() if ": " in line)
    return int(info["CurrConns"])


KEY_PLACES = [
    f"{CHAT}?api_key=%s",
    f"{CHAT}%%3Fapi_key%%3D%s",
    f"{CHAT}&api_key=%s",
    f"{CHAT};api_key=%s",
    f"{CHAT}/?api_key=%s",
    f"{CHAT}#%s",
    "/v1/models?key=%s",
    "/other?key=%s",
]


@pytest.mark.parametrize("place", KEY_PLACES)
def test_key_in_the_address_is_refused_and_not_logged(gateway, place):
    before = len(gateway.requests())
    address = place % KEYS["alice"]
    gateway.raw(
        f"POST {address} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {len(BODY)}\r\n\r\n".encode()
        + BODY
    )
    gateway.until(lambda: any(line["status"] in (400, 401, 404, 405) for line in gateway.requests()[before:]))
    assert {line["replica"] for line in gateway.requests()[before:] if line["client"] == "-"} <= {"<NOSRV>", "-"}
    assert KEYS["alice"] not in gateway.log.read_text()


def test_refused_keys_are_logged_without_the_key(gateway):
    before, tried = len(gateway.requests()), ["sk-wrong-key", "", KEYS["former"], ENGINE_KEY, "sk-alice,sk-wrong-key"]
    for key in tried:
        head = f"POST {CHAT} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {len(BODY)}\r\n"
        gateway.raw(f"{head}Authorization: Bearer {key}\r\n\r\n".encode() + BODY)
    lines = gateway.logged(before, len(tried), status=401, path=CHAT, client_address="127.0.0.1")
    assert sorted(line["client"] for line in lines) == ["-", "-", "-", "-", "former"]
    text = json.dumps(lines) + gateway.log.read_text()
    assert [key for key in filter(None, tried) if key in text] == []
