"""What there is to look at: logs and state, as plain data."""

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
"""Whose log every engine's is."""


@dataclass(frozen=True)
class Log:
    """One log of one node; `node` is empty where it is not known."""

    node: str
    name: str
    text: str

    @property
    def kind(self) -> str:
        """Whose log it is, by its name: a component's, or a `LogKind`."""
        path = PurePosixPath(self.name)
        place = self.name if "ray-session" in path.parts else path.name
        return next((kind for pattern, kind in _kinds() if pattern.search(place)), LogKind.ANY)

    @property
    def container(self) -> str:
        """Name of the container that it is named after; empty for the logs of Ray's session."""
        return "" if "/" in self.name else self.name.removesuffix(".log")


def _kinds() -> Iterator[tuple[re.Pattern[str], str]]:
    """Yield what names of logs contain, and whose those logs are."""
    yield from ((re.compile(component.log_names), component.name) for component in load_components())
    yield log_names(), ENGINE
    yield from _KINDS


@dataclass(frozen=True)
class Evidence:
    """All that was collected: logs, the nodes' state by name, the plans, what the services answered.

    `plans` are those of the inventory's services; `answers` those of their APIs by the head's name, `webui` those of
    Open WebUI, `unreachable` the reason for each node that did not answer. Of a folder of logs only these are known.
    """

    logs: tuple[Log, ...] = ()
    nodes: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    plans: tuple[Mapping[str, Any], ...] = ()
    answers: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    webui: Mapping[str, Any] = field(default_factory=dict)
    unreachable: Mapping[str, str] = field(default_factory=dict)

    def scopes(self) -> list[dict[str, Any]]:
        """Return what conditions see of each service: `plan`, `service` (the answers), and the `nodes` of its plan.

        A node that serves nothing (the web UI's own) is seen with the first service.
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
    """Return a log without colours and carriage returns; what a progress bar wrote over stays in one line each."""
    return _ANSI.sub("", text).replace("\r\n", "\n").replace("\r", "\n")


def split_time(line: str) -> tuple[float | None, str]:
    """Return the Unix time in front of a line, None where there is none, and the rest."""
    found = _TIME.match(line)
    if not found:
        return None, line
    zone = found[2] if found[2] and found[2] != "Z" else "+00:00"
    return datetime.fromisoformat(found[1] + zone).timestamp(), line[found.end() :]


def unix_time(text: Any) -> float | None:
    """Return a time as Docker's API writes it (RFC 3339, nanoseconds) in Unix time; None for none, or year 1."""
    found = _TIME.match(f"{text} ")
    if not found or found[1].startswith("0001"):
        return None
    return datetime.fromisoformat(found[1]).replace(tzinfo=UTC).timestamp()
