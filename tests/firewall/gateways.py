"""Two gateways between network namespaces: the distribution's keepalived and HAProxy, with rendered configurations."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from tests.firewall.conftest import Network, address, run
from tests.gateway.conftest import plan

from inferfleet.gateway import (
    Limits,
    Link,
    Paths,
    gateway_files,
    issue_authority,
    issue_server,
    render_keepalived,
)

ROOT = Path(__file__).parents[2]
VIRTUAL = "192.0.2.100"
HEALTH, PORT, ENGINE_PORT = 8404, 8443, 8000
GATEWAYS = ("node", "peer")
ENGINE_HOST = "monitoring"
LINKS = {host: Link("eth0", address(host)) for host in GATEWAYS}
KEY, MODEL = "sk-alice", "r1"


class Gateways:
    """keepalived and HAProxy on each gateway, with the same key, certificate and replica.

    Each has a further model with its own name, so that an answer shows which gateway it came from.
    """

    def __init__(self, network: Network, folder: Path, check: Path) -> None:
        self.network, self.folder, self.check = network, folder, check
        self.holder = ""
        self.processes: dict[tuple[str, str], subprocess.Popen[bytes]] = {}
        authority = issue_authority("test")
        self.certificate = issue_server(authority, [VIRTUAL])
        (folder / "ca.pem").write_text(authority.certificate)

    @property
    def other(self) -> str:
        """The gateway that did not hold the address at the start."""
        return next(host for host in GATEWAYS if host != self.holder)

    def start(self, host: str, name: str, *command: str) -> None:
        """Start a program on a host, in a process group of its own."""
        argv = [*self.network.inside(host), *command]
        with (self.folder / f"{host}.{name}.log").open("ab") as log:
            started = subprocess.Popen(argv, stdout=log, stderr=log, cwd=ROOT, start_new_session=True)
        self.processes[host, name] = started

    def start_engine(self) -> None:
        """Start a stub engine, the replica of both gateways."""
        command = ["-m", "tests.bench.stub_engine", str(ENGINE_PORT), "0.05", address(ENGINE_HOST)]
        self.start(ENGINE_HOST, "engine", sys.executable, *command)

    def start_haproxy(self, host: str) -> None:
        """Start HAProxy as its unit does, and wait until it answers."""
        folder = self.folder / host
        folder.mkdir(exist_ok=True)
        paths = Paths(str(folder), str(folder / "admin.sock"))
        replica = {ENGINE_HOST: {"address": address(ENGINE_HOST)}}
        plans = [plan(model, ENGINE_HOST, ENGINE_PORT, nodes=replica) for model in (MODEL, host)]
        pair, limits = self.certificate, Limits(65536, HEALTH)
        files = gateway_files(plans, [{"name": "alice"}], pair, pair, {"alice": KEY}, PORT, limits, paths, "engine-key")
        for path, content in files.items():
            Path(path).write_text(content)
        self.start(host, "haproxy", "haproxy", "-Ws", "-f", paths.of("config"), "-p", str(folder / "pid"))
        self.until(lambda: self.requested(host, f"http://127.0.0.1:{HEALTH}/health") == "ok")

    def start_keepalived(self, host: str) -> None:
        """Start keepalived as its unit does."""
        config = self.folder / f"{host}.conf"
        config.write_text(render_keepalived(host, LINKS, f"{VIRTUAL}/24", f"{self.check} {HEALTH}"))
        argv = ["--vrrp", "--dont-fork", "--log-console", "--use-file", str(config)]
        argv += ["--pid", str(self.folder / f"{host}.pid"), "--vrrp_pid", str(self.folder / f"{host}.vrrp.pid")]
        self.start(host, "keepalived", "keepalived", *argv)

    def signal(self, host: str, number: int, name: str = "haproxy") -> None:
        """Send a signal to a program with its children: those of HAProxy, as its unit does."""
        os.killpg(self.processes[host, name].pid, number)

    def kill(self, host: str) -> None:
        """End HAProxy at once."""
        self.signal(host, signal.SIGKILL)
        self.processes[host, "haproxy"].wait(10)

    def holders(self) -> list[str]:
        """Return the gateways that hold the virtual address."""
        shown = {host: run("ip", "-n", f"{host}-{self.network.suffix}", "address", "show", "eth0") for host in GATEWAYS}
        return [host for host, text in shown.items() if f"{VIRTUAL}/" in text]

    def requested(self, source: str, url: str, *options: str) -> str:
        """Return the answer to a request of a host; empty if there is none within half a second."""
        curl = ["curl", "--silent", "--max-time", "0.5", "--cacert", str(self.folder / "ca.pem"), *options, url]
        return subprocess.run([*self.network.inside(source), *curl], capture_output=True, text=True, check=False).stdout

    def answering(self) -> str:
        """Return the gateway that answers a host outside the cluster at the virtual address; empty if none does."""
        url = f"https://{VIRTUAL}:{PORT}/v1/models"
        answer = self.requested("outsider", url, "--header", f"Authorization: Bearer {KEY}")
        return next((host for host in GATEWAYS if f'"id": "{host}"' in answer), "")

    def chat(self) -> str:
        """Return the answer of the replica to a host outside the cluster, through the virtual address."""
        url = f"https://{VIRTUAL}:{PORT}/v1/chat/completions"
        options = ["--header", f"Authorization: Bearer {KEY}", "--json", f'{{"model": "{MODEL}"}}', "--max-time", "10"]
        return self.requested("outsider", url, *options)

    def until(self, condition: Callable[[], bool]) -> float:
        """Wait for a condition and return the seconds until then."""
        begin = time.monotonic()
        while time.monotonic() < begin + 30:
            if condition():
                return time.monotonic() - begin
            time.sleep(0.05)
        raise AssertionError({path.name: path.read_text()[-2000:] for path in self.folder.glob("*.log")})

    def stop(self) -> None:
        """End all processes."""
        for process in self.processes.values():
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGCONT)
                process.terminate()
        for process in self.processes.values():
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(10)
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
