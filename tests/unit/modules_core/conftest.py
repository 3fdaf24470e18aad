import importlib.util
import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

MODULES = Path(__file__).parents[3] / "plugins" / "modules"
RUN_MODULE = Path(__file__).parents[2] / "run_module.py"


@pytest.fixture(scope="session")
def load() -> Callable[[str], ModuleType]:
    """Load a module by name, as a Python module."""

    def load_(name: str) -> ModuleType:
        spec = importlib.util.spec_from_file_location(name, MODULES / f"{name}.py")
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    return load_


@pytest.fixture(scope="session")
def run_module() -> Callable[..., dict[str, Any]]:
    """Run a module as Ansible does, in a process of its own, and return its result."""

    def run(name: str, check_mode: bool = False, env: dict[str, str] | None = None, **params: Any) -> dict[str, Any]:
        return end(start(name, check_mode, env, **params))

    return run


@pytest.fixture(scope="session")
def start_module() -> Callable[..., subprocess.Popen[str]]:
    """Start a module in the background."""
    return start


def start(name: str, check_mode: bool = False, env: dict[str, str] | None = None, **params: Any):
    arguments = {**params, "_ansible_check_mode": check_mode, "_ansible_remote_tmp": "/tmp"}
    process = subprocess.Popen(
        [sys.executable, str(RUN_MODULE), name],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=env,
    )
    process.stdin.write(json.dumps({"ANSIBLE_MODULE_ARGS": arguments}))
    process.stdin.close()
    process.stdin = None
    return process


def end(process: subprocess.Popen[str]) -> dict[str, Any]:
    out, err = process.communicate(timeout=60)
    assert out, err
    return json.loads(out)


class Service:
    """A small HTTP server: `answers` maps paths to (status, body); `requests` are the received ones.

    `headers` are those of the last request.
    """

    def __init__(self) -> None:
        self.answers: dict[str, tuple[int, Any]] = {}
        self.requests: list[dict[str, Any]] = []
        self.headers: dict[str, str] = {}
        service = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                body = json.loads(self.rfile.read(length)) if length else None
                service.headers = dict(self.headers)
                service.requests.append({"path": self.path, "token": self.headers.get("Authorization"), "body": body})
                status, answer = service.answers.get(self.path.split("?")[0], (404, {}))
                if answer is None:  # break the connection off
                    return
                self.send_response(status)
                if isinstance(answer, tuple):  # lines, sent as they become known
                    self.send_header("Transfer-Encoding", "chunked")
                    self.end_headers()
                    lines = [json.dumps(line).encode() + b"\r\n" for line in answer]
                    self.wfile.write(b"".join(b"%x\r\n%b\r\n" % (len(line), line) for line in (*lines, b"")))
                    return
                content = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_POST = do_GET  # noqa: N815

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"


@pytest.fixture
def service() -> Iterator[Service]:
    """Start the server; the test sets its answers."""
    service = Service()
    thread = threading.Thread(target=service.server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield service
    service.server.shutdown()
    thread.join()
    service.server.server_close()
