"""The module http_answers as a program against real HTTP servers."""

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[3]


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(int(self.path.lstrip("/")))
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def url() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def call(services: dict[str, str]) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "tests/run_module.py", "http_answers"],
        input=json.dumps({"ANSIBLE_MODULE_ARGS": {"services": services}}),
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def test_services_that_answer_are_ready(url: str) -> None:
    result = call({"A": f"{url}/200", "B": f"{url}/200"})
    assert (result["ready"], result["problems"]) == (True, [])


@pytest.mark.parametrize("status", [204, 404, 503])
def test_service_with_another_status_is_named(url: str, status: int) -> None:
    result = call({"A": f"{url}/200", "B": f"{url}/{status}"})
    problem = result["problems"][0]
    assert (result["ready"], problem["code"], problem["parameters"]["service"]) == (False, "http-no-answer", "B")
    assert problem["parameters"]["reason"]["parameters"] == {"status": status}


def test_every_service_without_an_answer_is_named(url: str) -> None:
    closed = "http://127.0.0.1:1/"
    result = call({"A": closed, "B": closed, "C": f"{url}/200"})
    first = result["problems"][0]["parameters"]
    assert [first["first"]["parameters"]["service"], first["rest"]["parameters"]["service"]] == ["A", "B"]
