"""Prometheus, Alertmanager, the alert forwarder and HAProxy of this machine, on the loopback interface."""

import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml

from inferfleet.monitoring import (
    Receivers,
    Target,
    Thresholds,
    forwarder_settings,
    render_alertmanager,
    render_prometheus,
    render_rules,
)

FORWARDER = Path(__file__).parents[2] / "roles/monitoring/files/alert_forwarder.py"


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def eventually(check: Callable[[], Any], timeout: float = 30) -> Any:
    """Return what a check returns as soon as it is true."""
    end = time.monotonic() + timeout
    while not (result := check()):
        assert time.monotonic() < end, "timeout"
        time.sleep(0.2)
    return result


class Peer(ThreadingHTTPServer):
    """A replica's supervisor, whose metrics a test sets, and a receiver of alerts that records what it gets."""

    def __init__(self) -> None:
        self.metrics, self.received = "", list[tuple[str, Any]]()
        peer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._answer(peer.metrics, "text/plain; version=0.0.4")

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                peer.received.append((self.path, json.loads(body)))
                self._answer('{"errcode": 0}', "application/json")

            def _answer(self, text: str, kind: str) -> None:
                self.send_response(200)
                self.send_header("Content-Type", kind)
                self.end_headers()
                self.wfile.write(text.encode())

            def log_message(self, *_: Any) -> None:
                pass

        super().__init__(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.server_port}"

    def of(self, path: str) -> list[Any]:
        return [body for where, body in self.received if where.partition("?")[0] == path]


class Monitoring:
    """The services, with the configuration that a deployment writes, but short intervals."""

    def __init__(self, folder: Path, peer: Peer) -> None:
        self.folder, self.peer = folder, peer
        self.prometheus, self.alertmanager, self.forwarder = (f"127.0.0.1:{free_port()}" for _ in range(3))

    def write(self) -> None:
        kinds = ("wecom", "dingtalk", "feishu")
        robots = [{"kind": kind, "url": f"http://{self.peer.address}/{kind}?key=k", "secret": "s"} for kind in kinds]
        receivers = Receivers(webhooks=[f"http://{self.peer.address}/hook"], robots=robots)
        targets = [Target("supervisor", self.peer.address, "n1", labels={"replica": "r1"})]
        given = {"rules": "rules.yml", "alertmanager": self.alertmanager, "interval": "1s"}
        rules = yaml.safe_load(render_rules(Thresholds(), "zh"))
        for group in rules["groups"]:
            for rule in group["rules"]:
                if rule.get("alert") == "ReplicaDown":
                    rule["for"] = "1s"
        routes = yaml.safe_load(render_alertmanager(receivers).replace(":8411/", f":{self.forwarder.split(':')[1]}/"))
        routes["route"] |= {"group_wait": "1s", "group_interval": "1s"}
        settings = json.loads(forwarder_settings(receivers, "zh")) | {"port": int(self.forwarder.split(":")[1])}
        texts = {"prometheus.yml": render_prometheus(targets, **given), "rules.yml": yaml.safe_dump(rules)}
        texts |= {"alertmanager.yml": yaml.safe_dump(routes), "forwarder.json": json.dumps(settings)}
        for name, text in texts.items():
            (self.folder / name).write_text(text)

    def commands(self) -> list[list[str]]:
        folder = self.folder
        return [
            [
                *("prometheus", f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data"),
                *(f"--web.listen-address={self.prometheus}", "--web.route-prefix=/"),
            ],
            [
                *("prometheus-alertmanager", f"--config.file={folder}/alertmanager.yml"),
                *(f"--storage.path={folder}/alerts", f"--web.listen-address={self.alertmanager}"),
                *("--web.route-prefix=/alertmanager", "--cluster.listen-address="),
            ],
            [sys.executable, str(FORWARDER), str(folder / "forwarder.json")],
        ]


@pytest.fixture(scope="module")
def monitoring(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Monitoring]:
    """Run the services until the module's tests have ended."""
    with Peer() as peer, ExitStack() as stack:
        services = Monitoring(tmp_path_factory.mktemp("monitoring"), peer)
        services.write()
        log = stack.enter_context((services.folder / "log").open("w"))
        for command in services.commands():
            process = subprocess.Popen(command, stdout=log, stderr=log)
            stack.callback(process.wait)
            stack.callback(process.terminate)
        yield services
        peer.shutdown()
