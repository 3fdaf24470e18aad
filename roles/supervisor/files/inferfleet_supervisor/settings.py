"""Settings of a node, from the JSON file that the role writes."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from re import Pattern
from typing import Any

from inferfleet_supervisor.state import Plan

SETTINGS = "/etc/inferfleet/supervisor.json"
STATE_FOLDER = "/var/lib/inferfleet/supervisor"
CONTROL_SOCKET = "/run/inferfleet/supervisor.sock"
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_FIRST_PROCESS = Path("/proc/1/stat")


@dataclass(frozen=True)
class Probe:
    """How the leader checks the engine."""

    address: str
    port: int
    path: str
    model: str
    api_key_file: str = ""
    authorization: str = ""
    metrics_path: str = "/metrics"
    progress: tuple[str, ...] = ()
    running: str = ""
    waiting: str = ""

    def headers(self) -> dict[str, str]:
        """Return the header that authorizes requests."""
        if self.authorization:
            return {"Authorization": self.authorization}
        if self.api_key_file:
            try:
                return {"Authorization": "Bearer " + Path(self.api_key_file).read_text("utf-8").strip()}
            except OSError:
                return {}
        return {}


@dataclass(frozen=True)
class Settings:
    """What a node runs, and with whom."""

    node: str
    address: str
    port: int
    token_file: str
    boot: str
    replica: str
    leader: str
    members: Mapping[str, str]  # node -> address
    stages: tuple[tuple[str, ...], ...]
    ports: Mapping[str, int] = field(default_factory=dict)  # container -> where it listens once it is ready
    sessions: Mapping[str, str] = field(default_factory=dict)  # container -> volume with Ray's session folders
    ranks_pattern: Pattern[str] | None = None
    ranks_count: int = 0
    probe: Probe | None = None
    hang: float = 60.0
    stop: float = 10.0
    idle: float = 15.0
    plan: Plan = field(default_factory=lambda: Plan((), 0))

    @property
    def leads(self) -> bool:
        """Return whether this node is the leader."""
        return self.node == self.leader

    @property
    def names(self) -> tuple[str, ...]:
        """Return the containers of this node."""
        return tuple(name for stage in self.stages for name in stage)


def boot_of_node() -> str:
    """Return what changes with every boot: of a machine, or of a container that runs systemd."""
    try:
        started = _FIRST_PROCESS.read_text("utf-8").rpartition(")")[2].split()[19]  # proc(5): field 22
        return f"{_BOOT_ID.read_text('utf-8').strip()}.{started}"
    except (OSError, IndexError):
        return ""


def load(path: str) -> Settings:
    """Return the settings of a file. Raises OSError, ValueError, KeyError or TypeError where it is not valid."""
    return settings_of(json.loads(Path(path).read_text("utf-8")))


def settings_of(data: Mapping[str, Any]) -> Settings:
    """Return the settings of JSON."""
    replica = data["replica"]
    members = {member["node"]: member["address"] for member in replica["members"]}
    if data["node"] not in members or replica["leader"] not in members:
        raise ValueError("node and leader are not among the members")
    stages = tuple(tuple(item["container"] for item in stage) for stage in replica["stages"])
    items = [item for stage in replica["stages"] for item in stage]
    ports = {item["container"]: int(item["port"]) for item in items if item.get("port")}
    ranks = replica.get("ranks") or {}
    seconds = replica.get("seconds", {})
    bounds = {name: float(seconds[name]) for name in ("load", "join") if name in seconds}
    waits = {name: float(seconds[name]) for name in ("hang", "stop", "idle") if name in seconds}
    return Settings(
        node=data["node"],
        address=data["address"],
        port=int(data["port"]),
        token_file=data["token_file"],
        boot=data.get("boot") or boot_of_node(),
        replica=replica["name"],
        leader=replica["leader"],
        members=members,
        stages=stages,
        ports=ports,
        sessions={item["container"]: item["sessions"] for item in items if item.get("sessions")},
        ranks_pattern=re.compile(ranks["pattern"]) if ranks.get("pattern") else None,
        ranks_count=int(ranks.get("count", 0)),
        probe=_probe(replica["probe"], data["address"]) if replica.get("probe") else None,
        plan=Plan(tuple(sorted(members)), len(stages), **bounds),
        **waits,
    )


def _probe(data: Mapping[str, Any], address: str) -> Probe:
    metrics = data.get("metrics") or {}
    return Probe(
        address=data.get("address", address),
        port=int(data["port"]),
        path=data["path"],
        model=data["model"],
        api_key_file=data.get("api_key_file", ""),
        authorization=data.get("authorization", ""),
        metrics_path=metrics.get("path", "/metrics"),
        progress=tuple(metrics.get("progress", ())),
        running=metrics.get("running", ""),
        waiting=metrics.get("waiting", ""),
    )
