"""Collected evidence: logs and state, as plain data."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import Any

from inferfleet.components import load_component, load_components
from inferfleet.doctor.symptom import LogKind
from inferfleet.engines.logs import log_names

_ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
# `docker logs --timestamps` and journalctl's short-iso put a time in front of each line.
_TIME = re.compile(r"^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:[.,]\d+)?(Z|[+-]\d\d:?\d\d)?[ \t]")
_KINDS = (
    (re.compile(r"^kernel\.log$|dmesg"), LogKind.KERNEL),
    (re.compile(r"^docker\.log$"), LogKind.DOCKER),
)
ENGINE = load_component("engine").name
"""Component of every engine's log."""


@dataclass(frozen=True)
class Log:
    """One log of one node; `node` is empty if unknown."""

    node: str
    name: str
    text: str

    @property
    def kind(self) -> str:
        """The kind of log, by its name: a component, or a `LogKind`."""
        path = PurePosixPath(self.name)
        name = self.name if "ray-session" in path.parts else path.name
        return next((kind for pattern, kind in _kinds() if pattern.search(name)), LogKind.ANY)

    @property
    def container(self) -> str:
        """Name of the log's container; empty for the logs of a Ray session."""
        return "" if "/" in self.name else self.name.removesuffix(".log")


def _kinds() -> Iterator[tuple[re.Pattern[str], str]]:
    """Yield patterns of log names with the kind of the log."""
    yield from ((re.compile(component.log_names), component.name) for component in load_components())
    yield log_names(), ENGINE
    yield from _KINDS


@dataclass(frozen=True)
class Evidence:
    """All collected data: logs, node state by name, plans, and responses of the services.

    `plans` are those of the inventory's services; `answers` are the API responses by head node, `webui` those of
    Open WebUI, `unreachable` the reason for each node that did not answer. A folder of logs contains logs only.
    """

    logs: tuple[Log, ...] = ()
    nodes: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    plans: tuple[Mapping[str, Any], ...] = ()
    answers: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    webui: Mapping[str, Any] = field(default_factory=dict)
    unreachable: Mapping[str, str] = field(default_factory=dict)

    def scopes(self) -> list[dict[str, Any]]:
        """Return the variables of conditions for each service: `plan`, `service` (responses) and its `nodes`.

        A node without a model service (the host of the web UI) belongs to the first service.
        """
        plans = self.plans or ({},)
        elsewhere = {name for plan in plans[1:] for name in plan.get("nodes") or ()}
        scopes = []
        for number, plan in enumerate(plans):
            own = set(plan.get("nodes") or ()) if number else self.nodes.keys() - elsewhere
            answers = dict(self.answers.get(str(plan.get("head")), {}))
            if self.webui:
                answers["webui"] = self.webui
            nodes = {name: state for name, state in self.nodes.items() if name in own}
            scopes.append({"plan": plan, "service": answers, "nodes": nodes, "unreachable": self.unreachable})
        return scopes


def plain(text: str) -> str:
    """Return a log without colors and carriage returns; each update of a progress bar becomes a line."""
    return _ANSI.sub("", text).replace("\r\n", "\n").replace("\r", "\n")


def split_time(line: str) -> tuple[float | None, str]:
    """Return the Unix time at the start of a line, None without one, and the rest of the line."""
    match = _TIME.match(line)
    if not match:
        return None, line
    zone = match[2] if match[2] and match[2] != "Z" else "+00:00"
    return datetime.fromisoformat(match[1] + zone).timestamp(), line[match.end() :]


def unix_time(text: Any) -> float | None:
    """Return the Unix time of a timestamp of Docker's API (RFC 3339, nanoseconds); None if invalid or year 1."""
    match = _TIME.match(f"{text} ")
    if not match or match[1].startswith("0001"):
        return None
    return datetime.fromisoformat(match[1]).replace(tzinfo=UTC).timestamp()
