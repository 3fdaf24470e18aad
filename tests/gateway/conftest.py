"""The distribution's HAProxy with the rendered configuration on the loopback interface, in front of stub engines."""

import contextlib
import itertools
import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.gateway.engine import Engine
from tests.gateway.page import Page

from inferfleet.gateway import (
    INTERNAL_NAME,
    Limits,
    Paths,
    Webui,
    authority,
    backends_of,
    completion_check,
    issue_authority,
    issue_server,
    map_files,
    read_clients,
    render_config,
    replica_lines,
    usage_filter,
)

CHECK = Path(__file__).parents[2] / "roles/gateway/files/completion_check.py"
ENGINE_KEY = """engine-key-with-%-"-'-$HOME-#"""
KEYS = {"alice": "sk-alice", "bob": "sk-bob", "slow": "sk-slow", "single": "sk-single", "former": "sk-former"}
CLIENTS: list[dict[str, Any]] = [
    {"name": "alice"},
    {"name": "bob", "models": ["small"]},
    {"name": "slow", "requests_per_minute": 3},
    {"name": "single", "max_concurrent": 1},
    {"name": "former", "expires": "2026-01-31"},
]
BODY_BYTES = 262144


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def plan(model: str, head: str, port: int, **changes: Any) -> dict[str, Any]:
    """Return the part of a plan that the gateway reads."""
    return {
        "engine": "vllm",
        "protocol": "openai",
        "served_model_name": model,
        "head": head,
        "port": port,
        "api_path": "/v1",
        "takes_api_key": True,
        "max_num_seqs": 0,
        "data_parallel_size": 1,
        "nodes": {head: {"address": "127.0.0.1"}},
        **changes,
    }


class Gateway:
    """HAProxy in a folder, with its engines."""

    def __init__(self, folder: Path, engines: dict[str, Engine], *, checked: bool = False) -> None:
        self.folder, self.engines = folder, engines
        self.port, self.log = free_port(), folder / "log"
        self.page, self.page_port = Page(), free_port()
        self.paths = Paths(str(folder), str(folder / "admin.sock"))
        self.config, self.master = folder / "haproxy.cfg", folder / "master.sock"
        self.limits = Limits(
            BODY_BYTES,
            address="127.0.0.1",
            address6="::1",
            status_port=free_port(),
            queue_length=1,
            queue_seconds=2,
            body_seconds=3,
            client_seconds=2,
            check_port=free_port() if checked else 0,
        )
        self.prompts = itertools.count()
        plans = [
            plan("deepseek/r1", "n1", engines["n1"].port),
            plan("deepseek/r1", "n2", engines["n2"].port),
            plan("small", "n3", engines["n3"].port, api_path="/v1-other"),
            plan("busy", "n4", engines["n4"].port, max_num_seqs=1, takes_api_key=False),
        ]
        backends = backends_of(plans)
        for name, content in map_files(read_clients(CLIENTS, KEYS), backends).items():
            Path(self.paths.of(name)).write_text(content)
        ca = issue_authority("test")
        server = issue_server(ca, ["127.0.0.1", "::1", "gateway.example.com"])
        (folder / "ca.pem").write_text(ca.certificate)
        issued = issue_server(ca, [INTERNAL_NAME])
        self.authority_key = ca.key
        Path(self.paths.of("certificate")).write_text(server.certificate + server.key)
        Path(self.paths.of("issued")).write_text(issued.certificate + issued.key)
        Path(self.paths.of("state")).write_text("1\n")
        Path(self.paths.of("replicas")).write_text(replica_lines(plans))
        Path(self.paths.of("usage")).write_text(usage_filter())
        webui = Webui(self.page_port, f"127.0.0.1:{self.page.port}")
        self.config.write_text(render_config(backends, self.port, self.limits, self.paths, ENGINE_KEY, webui))
        self.process: subprocess.Popen[bytes] | None = None
        self.check: subprocess.Popen[bytes] | None = None
        settings = completion_check(backends, self.limits.check_port, self.paths.socket, 1, ENGINE_KEY, 0)
        Path(self.paths.of("completions")).write_text(settings)

    def start(self) -> None:
        """Start HAProxy as its unit does, and wait until the engines are up."""
        command = ["haproxy", "-Ws", "-f", str(self.config), "-p", str(self.folder / "pid")]
        command += ["-S", f"{self.master},mode,600"]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, env={**os.environ, "NOTIFY_SOCKET": ""})
            if self.limits.check_port:
                check = [sys.executable, str(CHECK), self.paths.of("completions")]
                self.check = subprocess.Popen(check, stdout=log, stderr=log)
        self.until(lambda: self.client().get("/health").status_code == 200)

    def until(self, condition: Any, seconds: float = 15) -> None:
        """Wait for a condition."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            with contextlib.suppress(httpx.TransportError, OSError):
                if condition():
                    return
            time.sleep(0.1)
        raise AssertionError(self.log.read_text())

    def client(self, host: str = "127.0.0.1", **options: Any) -> httpx.Client:
        """Return a client that verifies the certificate with the CA."""
        context = ssl.create_default_context(cafile=str(self.folder / "ca.pem"))
        url = f"https://{authority(host, self.port)}"
        return httpx.Client(base_url=url, verify=context, trust_env=False, timeout=20, **options)

    def chat(self, model: Any, client: str = "alice", **body: Any) -> httpx.Response:
        """Send a chat completion with the key of a client."""
        content = f"secret prompt {next(self.prompts)}"
        request = {"messages": [{"role": "user", "content": content}], "model": model, **body}
        with self.client() as session:
            return session.post(
                "/v1/chat/completions", json=request, headers={"Authorization": f"Bearer {KEYS[client]}"}
            )

    @contextlib.contextmanager
    def streaming(self, key: str, model: str, pause: float = 0.1) -> Iterator[Iterator[str]]:
        """Open a stream that has begun and ends with the context; yield its events, `pause` seconds apart."""
        body = {"model": model, "stream": True, "max_tokens": 100_000, "pause": pause}
        with (
            self.client(headers={"Authorization": f"Bearer {key}"}) as client,
            client.stream("POST", "/v1/chat/completions", json=body) as answer,
        ):
            events = (line for line in answer.iter_lines() if line)
            next(events)
            yield events

    def sent_tokens(self) -> int:
        """Return how many tokens the engines have sent."""
        return sum(engine.tokens for engine in self.engines.values())

    def reload_and_wait(self) -> None:
        """Reload the configuration, and wait until the new process has started."""
        worker = self.worker()
        self.reload()
        self.until(lambda: self.worker() != worker)

    def worker(self) -> str:
        """Return the process id of the worker that has the sockets."""
        return next(line for line in self.admin("show info").splitlines() if line.startswith("Pid: "))

    def raw(self, request: bytes, seconds: float = 20) -> bytes:
        """Return the response to the bytes of an HTTP/1 request."""
        return self.raw_parts([request], seconds)

    def raw_parts(self, parts: Iterable[bytes], seconds: float = 20) -> bytes:
        """Return the response to the parts of an HTTP/1 request; the rest of them is not sent after the response."""
        context = ssl.create_default_context(cafile=str(self.folder / "ca.pem"))
        received = b""
        with (
            socket.create_connection(("127.0.0.1", self.port), timeout=seconds) as plain,
            context.wrap_socket(plain, server_hostname="127.0.0.1") as channel,
            contextlib.suppress(OSError),
        ):
            with contextlib.suppress(OSError):
                for part in parts:
                    channel.sendall(part)
            while part := channel.recv(65536):
                received += part
        return received

    def admin(self, command: str) -> str:
        """Return the answer of HAProxy's runtime API."""
        with socket.socket(socket.AF_UNIX) as channel:
            channel.connect(self.paths.socket)
            channel.sendall(f"{command}\n".encode())
            channel.shutdown(socket.SHUT_WR)
            return b"".join(iter(lambda: channel.recv(65536), b"")).decode()

    def reload(self) -> None:
        """Reload the configuration as `systemctl reload` does."""
        assert self.process
        self.process.send_signal(signal.SIGUSR2)

    def requests(self) -> list[dict[str, Any]]:
        """Return the access log."""
        return [json.loads(line) for line in self.log.read_text().splitlines() if line.startswith("{")]

    def logged(self, before: int, count: int = 1, **fields: Any) -> list[dict[str, Any]]:
        """Wait for `count` lines with these fields after the first `before` of the access log; return them.

        A line is written after its response is sent: one of an earlier request may follow the first `before` too.
        """

        def lines() -> list[dict[str, Any]]:
            return [line for line in self.requests()[before:] if fields.items() <= line.items()]

        self.until(lambda: len(lines()) >= count)
        return lines()

    def stop(self) -> None:
        """End HAProxy and the completion check."""
        self.page.stop()
        for process in filter(None, (self.process, self.check)):
            process.terminate()
            process.wait(10)


@contextlib.contextmanager
def run_gateway(folder: Path, *, checked: bool) -> Iterator[Gateway]:
    """Run HAProxy, its engines and, if `checked`, the completion check."""
    engines = {name: Engine(name) for name in ("n1", "n2", "n3", "n4")}
    gateway = Gateway(folder, engines, checked=checked)
    try:
        gateway.start()
        yield gateway
    finally:
        gateway.stop()
        for engine in engines.values():
            engine.stop()


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    with run_gateway(tmp_path_factory.mktemp("gateway"), checked=False) as gateway:
        yield gateway
