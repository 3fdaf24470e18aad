"""The test cluster, the command `inferfleet` as a user runs it, and a watch on all command lines."""

import json
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import docker
import httpx
import pytest
from lab.config import LabConfig
from lab.tiny_r1.questions import load_questions

ROOT = Path(__file__).parents[2]
INVENTORY = "inventories/lab"
API = "http://198.18.5.11:8000"
WEBUI = "https://198.18.5.11:8444"
QUESTION = load_questions()[0]
MODEL = "tiny-r1"
SECRETS = ROOT / INVENTORY / ".secrets"
TOOLS = Path(sys.executable).parent
CHROMIUM = "/usr/bin/chromium"  # Debian's; `make browser` installs it


@dataclass(frozen=True)
class Finished:
    """A finished command: its exit code, output, and JSON document if it printed one."""

    rc: int
    text: str
    document: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        problems = {key: self.document.get(key) for key in ("outcome", "problems", "failures", "changed_tasks")}
        return f"exit code {self.rc}\n{json.dumps(problems, indent=1, ensure_ascii=False)}\n{self.text[-3000:]}"


class Controller:
    """Runs commands in the checkout and stores all their output."""

    def __init__(self) -> None:
        self.output: list[str] = []

    def run(self, argv: list[str | Path], timeout: float = 900) -> Finished:
        """Run a command to its end (at most `timeout` seconds)."""
        done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, timeout=timeout, check=False)
        self.output += [done.stdout, done.stderr]
        return Finished(done.returncode, done.stdout + done.stderr)

    def inferfleet(self, *arguments: str, inventory: str | Path = INVENTORY, timeout: float = 900) -> Finished:
        """Run `inferfleet VERB -i inventories/lab … --json`; the first argument is the verb."""
        verb, *rest = arguments
        argv = [TOOLS / "inferfleet", *verb.split(), "-i", inventory, "--json", *rest]
        done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, timeout=timeout, check=False)
        self.output += [done.stdout, done.stderr]
        return Finished(done.returncode, done.stderr, json.loads(done.stdout))


class Lab:
    """The nodes of the test cluster."""

    def __init__(self, client: docker.DockerClient, config: LabConfig) -> None:
        self._client, self._config = client, config
        self.names = [node.name for node in config.nodes]

    @property
    def state(self) -> Path:
        """Folder of the test cluster's files."""
        return self._config.state

    def address(self, node: str) -> str:
        """Return the address of a node."""
        return next(str(known.address) for known in self._config.nodes if known.name == node)

    def ssh(self, node: str, command: str) -> str:
        """Run a shell command on a node and return its output; raises CalledProcessError when it fails."""
        argv = ["ssh", "-F", self._config.state / "ssh_config", node, command]
        return subprocess.run(argv, capture_output=True, text=True, errors="replace", check=True).stdout

    def reboot(self, node: str) -> None:
        """Power-cycle a node."""
        name = f"{self._config.prefix}-{node}"
        self._client.containers.get(name).restart(timeout=20)

    def power_off(self, node: str) -> None:
        """Switch a node off."""
        self._client.containers.get(f"{self._config.prefix}-{node}").kill()

    def power_on(self, node: str) -> None:
        """Switch a node on, and wait until it can be reached."""
        self._client.containers.get(f"{self._config.prefix}-{node}").start()
        eventually(lambda: self.reaches(node), 120, f"{node} answers")

    def reaches(self, node: str) -> bool:
        """Return whether a node answers."""
        try:
            return self.ssh(node, "systemctl is-active ssh").strip() == "active"
        except subprocess.CalledProcessError:
            return False

    def process(self, node: str) -> int:
        """Return the process id of a node's systemd on this machine."""
        return int(self._client.containers.get(f"{self._config.prefix}-{node}").attrs["State"]["Pid"])

    def containers(self, node: str) -> list[str]:
        """Return the names of the containers on a node, running or not."""
        return sorted(self.ssh(node, "docker ps --all --format '{{.Names}}'").split())


class ArgvWatch:
    """Collects the command lines of all processes of this machine, and so of its container nodes."""

    def __init__(self) -> None:
        self.seen: set[bytes] = set()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> "ArgvWatch":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._stop.wait(0.3):
            for process in Path("/proc").glob("[0-9]*/cmdline"):
                try:
                    self.seen.add(process.read_bytes())
                except OSError:  # the process has exited
                    continue


def eventually(check: Callable[[], bool], timeout: float, what: str) -> float:
    """Wait until `check` holds and return the elapsed seconds; fail with `what` after `timeout` seconds."""
    start = time.monotonic()
    while not check():
        if time.monotonic() - start > timeout:
            pytest.fail(f"{what}: not within {timeout:.0f} s")
        time.sleep(2)
    return time.monotonic() - start


def trusted() -> ssl.SSLContext:
    """Return TLS settings that trust only the CA of the inventory."""
    return ssl.create_default_context(cafile=str(SECRETS / "gateway_ca.pem"))


def secrets() -> dict[str, str]:
    """Return name → value of the generated secrets of the inventory; certificates and locks are none."""
    files = [file for file in SECRETS.rglob("*") if file.is_file() and file.suffix not in (".pem", ".lock")]
    return {str(file.relative_to(SECRETS)): file.read_text().strip() for file in files}


def answers(key: str | None = None, *, api: str = API, model: str = MODEL) -> bool:
    """Return whether the service returns the correct answer."""
    headers = {"Authorization": f"Bearer {key or secrets()['engine_api_key']}"}
    body = {"model": model, "messages": [{"role": "user", "content": QUESTION.question}], "temperature": 0}
    try:
        reply = httpx.post(f"{api}/v1/chat/completions", json=body, headers=headers, timeout=60)
    except httpx.HTTPError:
        return False
    return reply.status_code == 200 and reply.json()["choices"][0]["message"]["content"] == QUESTION.answer


def webui_answers() -> bool:
    """Return whether the administrator can sign in to Open WebUI."""
    account = {"email": "admin@example.com", "password": secrets()["webui_admin_password"]}
    try:
        signed = httpx.post(f"{WEBUI}/api/v1/auths/signin", json=account, timeout=30, verify=trusted())
        return signed.status_code == 200
    except httpx.HTTPError:
        return False
