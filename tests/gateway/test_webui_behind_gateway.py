"""Open WebUI behind HAProxy: TLS, headers, files, web sockets, and what a browser sees while it does not run."""

import contextlib
import json
import socket
import ssl
import time
from collections.abc import Iterator
from typing import BinaryIO

import httpx
import pytest
from tests.gateway.conftest import Gateway
from tests.gateway.page import accept, frame, message

from inferfleet.gateway import INTERNAL_NAME

KEY = "dGhlIHNhbXBsZSBub25jZQ=="
MASK = b"mask"


def trusted(gateway: Gateway) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(gateway.folder / "ca.pem"))


def browser(gateway: Gateway, **options) -> httpx.Client:
    url = f"https://127.0.0.1:{gateway.page_port}"
    return httpx.Client(base_url=url, verify=trusted(gateway), trust_env=False, timeout=20, **options)


@contextlib.contextmanager
def web_socket(gateway: Gateway) -> Iterator[BinaryIO]:
    """Open a web socket, as a page does; yield its stream."""
    request = (
        "GET /ws/socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\n"
        f"Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {KEY}\r\nOrigin: https://x\r\n\r\n"
    )
    with (
        socket.create_connection(("127.0.0.1", gateway.page_port), timeout=20) as plain,
        trusted(gateway).wrap_socket(plain, server_hostname="127.0.0.1") as channel,
        channel.makefile("rwb") as stream,
    ):
        stream.write(request.encode())
        stream.flush()
        head = [line.strip() for line in iter(stream.readline, b"\r\n")]
        assert head[0].split()[1] == b"101", head
        assert accept(KEY).encode() in b"".join(head)
        yield stream


def echoed(stream: BinaryIO, text: bytes) -> bytes:
    stream.write(frame(text, MASK))
    stream.flush()
    return message(stream)


@pytest.fixture(autouse=True)
def up(gateway: Gateway) -> None:
    with browser(gateway) as session:
        gateway.until(lambda: session.get("/health").status_code == 200)


def test_page_is_loaded_over_tls(gateway):
    with browser(gateway) as session:
        seen = session.get("/").json()
    assert (seen["x-forwarded-proto"], seen["x-forwarded-for"]) == ("https", "127.0.0.1")
    assert seen["host"] == f"127.0.0.1:{gateway.page_port}", "Open WebUI compares it with the origin"


def test_client_cannot_set_its_address(gateway):
    forged = {
        "X-Forwarded-For": "10.9.9.9",
        "X-Real-IP": "10.9.9.9",
        "Forwarded": "for=10.9.9.9",
        "X-Forwarded-Host": "x",
    }
    with browser(gateway, headers=forged) as session:
        seen = session.get("/").json()
    assert "10.9.9.9" not in seen.values()
    assert not {"x-real-ip", "forwarded", "x-forwarded-host"} & {*seen}
    assert seen["x-forwarded-for"] == "127.0.0.1"


def test_request_without_tls_is_not_forwarded(gateway):
    with pytest.raises(httpx.TransportError):
        httpx.get(f"http://127.0.0.1:{gateway.page_port}/", trust_env=False)


def test_internal_name_has_a_certificate_of_the_inventory(gateway):
    with (
        socket.create_connection(("127.0.0.1", gateway.page_port)) as plain,
        trusted(gateway).wrap_socket(plain, server_hostname=INTERNAL_NAME) as channel,
    ):
        assert channel.version() == "TLSv1.3"


def test_uploads_may_be_larger_than_requests_to_the_api(gateway):
    content = b"x" * (4 * gateway.limits.body_bytes)
    with browser(gateway) as session:
        assert session.post("/api/v1/files/", content=content).json() == {"bytes": len(content)}


def test_key_of_a_client_is_not_needed_and_not_removed(gateway):
    with browser(gateway, headers={"Authorization": "Bearer token-of-a-session"}) as session:
        assert session.get("/api/models").json()["authorization"] == "Bearer token-of-a-session"


def test_web_socket_outlives_silence_and_a_reload(gateway):
    with web_socket(gateway) as stream:
        assert echoed(stream, b"first") == b"first"
        time.sleep(gateway.limits.client_seconds + 1)  # longer than other connections may be silent
        assert echoed(stream, b"second") == b"second"
        gateway.reload_and_wait()
        assert echoed(stream, b"third") == b"third"


def test_log_has_the_requests_of_the_page_without_files_and_query_strings(gateway):
    with browser(gateway) as session:
        for path in ("/_app/immutable/a.js", "/static/a.png", "/api/v1/chats/?token=secret-token"):
            session.get(path)
    gateway.until(lambda: any(line["path"] == "/api/v1/chats/" for line in gateway.requests()))
    line = next(line for line in gateway.requests() if line["path"] == "/api/v1/chats/")
    assert (line["replica"], line["status"], line["client_address"]) == ("webui", 200, "127.0.0.1")
    text = gateway.log.read_text()
    assert [part for part in ("/_app/", "/static/", "secret-token") if part in text] == []


def test_api_of_the_gateway_is_on_its_own_port_only(gateway):
    with browser(gateway, headers={"Authorization": "Bearer sk-alice"}) as session:
        session.post("/v1/chat/completions", content=json.dumps({"model": "small"}))
    assert all(engine.requests == [] for engine in gateway.engines.values())
    with gateway.client(headers={"Authorization": "Bearer sk-alice"}) as client:
        assert client.get("/api/models").status_code == 404


def test_page_that_does_not_run_is_reported_in_plain_text(gateway):
    """Last test: it ends the page."""
    gateway.page.stop()
    with browser(gateway) as session:
        gateway.until(lambda: session.get("/").status_code == 503)
        answer = session.get("/")
    assert answer.headers["content-type"] == "text/plain"
    assert "Open WebUI" in answer.text
    assert gateway.chat("small", "bob").status_code == 200
