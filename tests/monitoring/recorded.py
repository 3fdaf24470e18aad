"""Metrics recorded in tests/fixtures/monitoring over HTTP, and a real Prometheus that scrapes them."""

import contextlib
import itertools
import os
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import httpx

from inferfleet.monitoring import Target, Thresholds, render_prometheus, render_rules

ROOT = Path(__file__).parents[2]
FIXTURES = ROOT / "tests/fixtures/monitoring"
CONSOLES = ROOT / "roles/monitoring/files/consoles"
JOBS = {"engine": "vllm", "gateway": "haproxy", "usage": "usage", "node_exporter": "node", "dcgm": "dcgm"}
"""Recordings by job."""


class _Handler(BaseHTTPRequestHandler):
    scrapes: ClassVar[dict[str, Any]] = {}

    def do_GET(self) -> None:
        """Answer with the next recording of a path, in the end with the last one."""
        name = self.path.strip("/")
        number = next(self.scrapes.setdefault(name, itertools.count()))
        body = (FIXTURES / f"{name}.{min(number, 2)}.prom").read_bytes()
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; version=0.0.4")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: Any) -> None:
        """Print nothing."""


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@contextlib.contextmanager
def prometheus(folder: Path) -> Iterator[str]:
    """Run Prometheus with the rules, the recordings and the console pages; yield its URL when it has scraped them."""
    _Handler.scrapes.clear()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"127.0.0.1:{server.server_address[1]}"
    labels = {"model": "tiny-r1", "replica": "replica-1"}
    targets = [
        Target(job, address, "node1", f"/{name}", labels if job == "engine" else {}) for job, name in JOBS.items()
    ]
    text = render_prometheus(targets, rules="rules.yml", alertmanager="127.0.0.1:9", keyed_jobs=(), interval="1s")
    (folder / "prometheus.yml").write_text(text)
    (folder / "rules.yml").write_text(render_rules(Thresholds()))
    port = _free_port()
    command = ["prometheus", "--config.file=prometheus.yml", "--storage.tsdb.path=data", "--log.level=error"]
    command += [f"--web.listen-address=127.0.0.1:{port}"]
    command += [f"--web.console.templates={CONSOLES}", f"--web.console.libraries={CONSOLES}"]
    process = subprocess.Popen(command, cwd=folder, env={**os.environ, "GOMAXPROCS": "1"})
    try:
        url = f"http://127.0.0.1:{port}"
        _wait(url, _Handler.scrapes)
        yield url
    finally:
        process.terminate()
        process.wait(20)
        server.shutdown()
        server.server_close()


def results(url: str, expr: str) -> list[dict[str, Any]]:
    """Return the series of a query now."""
    answer = httpx.get(f"{url}/api/v1/query", params={"query": expr}, trust_env=False, timeout=20).json()
    assert answer["status"] == "success", answer
    return list(answer["data"]["result"])


def _wait(url: str, scrapes: dict[str, Any]) -> None:
    end = time.monotonic() + 60
    while time.monotonic() < end:
        with contextlib.suppress(httpx.TransportError, ValueError):
            ready = "count_over_time(inferfleet:requests_running[1m]) >= 3"
            if len(scrapes) == len(JOBS) and results(url, ready):
                return
        time.sleep(0.2)
    raise AssertionError(f"Prometheus has scraped {sorted(scrapes)} only.")
