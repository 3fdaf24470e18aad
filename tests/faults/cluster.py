"""The replicas of the deployed test cluster: their nodes, and what their supervisors report."""

import json
import os
import subprocess
import time
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml
from lab.config import load
from lab.nodes import container_name
from lab.tiny_r1.questions import load_questions

ROOT = Path(__file__).resolve().parents[2]
INVENTORY = ROOT / "inventories" / "lab"
RANKS = yaml.safe_load((ROOT / "src/inferfleet/engines/vllm/engine.yml").read_text())["rank_processes"]
MODEL = "tiny-r1"
QUESTION = load_questions()[0]
PORT = 8000
SSH = [
    *("ssh", "-F", str(ROOT / ".lab" / "ssh_config"), "-o", "BatchMode=yes", "-o", "ConnectTimeout=5"),
    *("-o", "ServerAliveInterval=5", "-o", "ServerAliveCountMax=3"),
]
SUPERVISOR = "inferfleet-supervisor"
COMMAND_SECONDS = 300  # of a fault: the longest repairs the weights


def api_key() -> str:
    """Return the API key of the engines."""
    return (INVENTORY / ".secrets" / "engine_api_key").read_text().strip()


def on_node(node: str, command: str, timeout: float = 120) -> str | None:
    """Return the output of a shell command on a node; None if it fails or the node does not answer."""
    try:
        done = subprocess.run([*SSH, node, command], capture_output=True, text=True, timeout=timeout, check=False)
    except subprocess.TimeoutExpired:
        return None
    return done.stdout if done.returncode == 0 else None


@dataclass(frozen=True)
class Event:
    """An entry of a supervisor's journal; `time` in seconds since the epoch."""

    time: float
    node: str
    generation: int
    code: str
    parameters: dict[str, Any]

    @property
    def reason(self) -> str:
        """Return the code of its reason; empty: it has none."""
        reason = self.parameters.get("reason") or ""
        return str(reason.get("code", "")) if isinstance(reason, dict) else str(reason)


@dataclass(frozen=True)
class Replica:
    """One replica: its name, the head node and all nodes with their addresses, and the executor."""

    name: str
    leader: str
    addresses: dict[str, str]
    executor: str

    @property
    def workers(self) -> list[str]:
        """Return the nodes except the head."""
        return [node for node in self.addresses if node != self.leader]

    @property
    def api(self) -> str:
        """Return the URL of the engine."""
        return f"http://{self.addresses[self.leader]}:{PORT}"

    @cached_property
    def variables(self) -> dict[str, str]:
        """Return the variables of the commands of a fault."""
        names = {node.name: container_name(load(), node) for node in load().nodes}
        values = {"RANKS": RANKS}
        for role, node in (("HEAD", self.leader), ("WORKER", (self.workers or [""])[0])):
            values |= {f"{role}_NODE": names.get(node, ""), f"{role}_ADDRESS": self.addresses.get(node, "")}
        return values

    def run(self, command: dict[str, str]) -> None:
        """Run a command of a fault; raises RuntimeError if it fails or does not end."""
        ((place, text),) = command.items()
        if place == "lab":
            argv = ["sh", "-ec", text]
            path = os.pathsep.join([str(ROOT / ".venv/bin"), os.environ["PATH"]])
            environment = {**os.environ, **self.variables, "PATH": path}
        else:
            node = self.leader if place == "head" else self.workers[0]
            exports = "".join(f"export {name}='{value}'\n" for name, value in self.variables.items())
            argv, environment = [*SSH, node, exports + text], {**os.environ}
        try:
            done = subprocess.run(
                argv, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=COMMAND_SECONDS, check=False
            )
        except subprocess.TimeoutExpired as error:
            raise RuntimeError(f"{place}: does not end: {text.strip()}") from error
        if done.returncode:
            reason = done.stderr.strip().rpartition("\n")[2]
            raise RuntimeError(f"{place}: exit code {done.returncode}: {reason}: {text.strip()}")

    def status(self) -> dict[str, Any]:
        """Return the status that the leader reports; empty if it does not answer."""
        return json.loads(on_node(self.leader, f"{SUPERVISOR} status --json") or "{}")

    def events(self, since: float) -> list[Event]:
        """Return the events of all nodes since a time, by time."""
        found = []
        for node in self.addresses:
            text = on_node(node, f"{SUPERVISOR} events --json --since {max(1, int(time.time() - since) + 2)}")
            found += [event for entry in _entries(text or "") if (event := _event(entry)).time >= since]
        return sorted(found, key=lambda event: event.time)

    def restarts(self, since: float) -> list[Event]:
        """Return the restarts since a time, which the leader records."""
        return [event for event in self.events(since) if event.code == "restart" and event.node == self.leader]


def _entries(text: str) -> list[dict[str, Any]]:
    """Return the entries of a JSON list, or of lines of JSON."""
    if text.lstrip().startswith("["):
        return list(json.loads(text))
    return [json.loads(line) for line in text.splitlines() if line.strip()]


def _event(entry: dict[str, Any]) -> Event:
    moment = datetime.fromisoformat(entry["time"].replace("Z", "+00:00")).timestamp()
    return Event(moment, entry["node"], entry["generation"], entry["event"], entry.get("parameters") or {})


def replicas() -> list[Replica]:
    """Return the replicas of the deployed cluster, by name; raises RuntimeError where a supervisor does not answer."""
    addresses = {node.name: str(node.address) for node in load().nodes}
    found: dict[str, Replica] = {}
    for node in addresses:
        status = json.loads(on_node(node, f"{SUPERVISOR} status --json") or "{}")
        if not status:
            raise RuntimeError(f"The supervisor of {node} does not answer.")
        if status["leader"] == node:
            members = {member["node"]: addresses[member["node"]] for member in status["members"]}
            ray = on_node(node, "docker inspect -f '{{.Name}}' inferfleet-ray")
            found[status["replica"]] = Replica(status["replica"], node, members, "ray" if ray else "mp")
    return [found[name] for name in sorted(found)]
