"""The API is found, or the reason is reported."""

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from inferfleet.evaluate import EvaluationError, find_endpoint


class Api(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        ok = self.headers.get("Authorization") == "Bearer right"
        body = json.dumps({"data": [{"id": "deepseek-r1"}]}).encode() if ok else b"{}"
        self.send_response(200 if ok else 401)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Suppress the log."""


@pytest.fixture
def url() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Api) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/v1"
        server.shutdown()


NOBODY = "http://127.0.0.1:9/v1"  # the discard port


def test_first_responding_endpoint(url, monkeypatch):
    monkeypatch.setenv("http_proxy", NOBODY)
    assert find_endpoint([NOBODY, f"{url}/"], "right", "deepseek-r1") == url


@pytest.mark.parametrize(
    ("key", "model", "message"),
    [
        ("wrong", "deepseek-r1", r"rejects the key \(HTTP 401\)\. Set evaluate_api_key"),
        ("right", "deepseek-r2", r"does not serve 'deepseek-r2'\. Set evaluate_model\. Did you mean deepseek-r1\?"),
    ],
)
def test_wrong_key_and_unknown_model(url, key, model, message):
    with pytest.raises(EvaluationError, match=message):
        find_endpoint([url], key, model)


def test_no_endpoint_responds():
    with pytest.raises(EvaluationError, match=r"No API responds: http://127.0.0.1:9/v1: .*refused"):
        find_endpoint([NOBODY, NOBODY], "", "m")
