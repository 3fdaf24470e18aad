"""Errors of the client if the service is not GPUStack."""

import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from ansible.module_utils.gpustack.api import GPUStackError, Server


class OtherService(BaseHTTPRequestHandler):
    """Responds to every request with its server's `body`."""

    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(self.server.body)

    def log_message(self, *_):
        pass


@pytest.fixture
def service():
    server = ThreadingHTTPServer(("127.0.0.1", 0), OtherService)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def test_unreachable_server():
    with socket.create_server(("127.0.0.1", 0)) as free:
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    with pytest.raises(GPUStackError, match=f"^GPUStack is unreachable at {url}: ") as caught:
        Server(url, "x").entries("/workers")
    assert caught.value.status == 0


@pytest.mark.parametrize("body", [b"<html>nginx</html>", b"[]", b'{"ready": true}', b'{"version": 3}', b"", b"null"])
def test_other_service(service, body):
    service.body = body
    url = f"http://127.0.0.1:{service.server_port}"
    with pytest.raises(GPUStackError, match=f"^the service at {url} is not GPUStack$"):
        Server(f"{url}/", "x").entries("/workers")


@pytest.mark.parametrize(("version", "old"), [("v0.7.1", True), ("0.6.2", True), ("v2.3.0", False), ("v10.0.0", False)])
def test_generation_follows_from_the_version(service, version, old):
    service.body = f'{{"version": "{version}"}}'.encode()
    server = Server(f"http://127.0.0.1:{service.server_port}", "x")
    assert (server.version, server.old) == (version.lstrip("v"), old)


def test_listing_of_unknown_format_is_reported(service):
    service.body = b'{"version": "v2.3.0"}'
    with pytest.raises(
        GPUStackError, match=r"^GPUStack's listing /workers has an unknown format: KeyError\('items'\)$"
    ):
        Server(f"http://127.0.0.1:{service.server_port}", "x").entries("/workers")
