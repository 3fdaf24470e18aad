"""The result of a diagnosis."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from inferfleet.doctor.symptom import Severity, Symptom
from inferfleet.messages import Message


@dataclass(frozen=True)
class Trace:
    """One piece of evidence: `where` is the name of a log, or `state`; `at` is Unix time, `line` counts from 1.

    `text` is an unmodified log line, or a message about the state.
    """

    where: str
    text: str | Message
    at: float | None = None
    line: int = 0

    def as_dict(self) -> dict[str, Any]:
        """Return the JSON form; that of a message has English `text`, `template` and `parameters`."""
        form = {"where": self.where, "text": self.text, "at": self.at, "line": self.line}
        if isinstance(self.text, Message):
            message = self.text.as_dict()
            form |= {key: message[key] for key in ("template", "parameters")} | {"text": message["message"].strip()}
        return form

    @classmethod
    def from_dict(cls, form: Mapping[str, Any]) -> "Trace":
        """Return the trace of a JSON form."""
        text = Message.from_dict(form) if form.get("template") else str(form["text"])
        return cls(str(form["where"]), text, form.get("at"), int(form.get("line", 0)))


@dataclass(frozen=True)
class Finding:
    """A symptom on a node; empty `node`: of the entire service, or unknown.

    `service` is its name if the inventory has several. `now` is false for a symptom that was resolved since.
    """

    symptom: Symptom
    node: str
    traces: tuple[Trace, ...]
    count: int = 1
    now: bool = True
    service: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Return the JSON form; `title`, `cause`, `check` and `remedy` are templates without parameters."""
        texts = {key: getattr(self.symptom, key) for key in ("id", "title", "cause", "check", "remedy")}
        return texts | {
            "severity": str(self.symptom.severity),
            "layer": self.symptom.layer,
            "sources": list(self.symptom.sources),
            "service": self.service,
            "node": self.node,
            "now": self.now,
            "count": self.count,
            "evidence": [trace.as_dict() for trace in self.traces],
        }


@dataclass(frozen=True)
class Unexplained:
    """A fatal log line that no symptom explains; `count` is the number of its repetitions, `trace` the last one."""

    node: str
    trace: Trace
    count: int = 1

    def as_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {"node": self.node, "count": self.count, **self.trace.as_dict()}


@dataclass(frozen=True)
class Diagnosis:
    """Findings, sorted by severity and layer, unexplained fatal lines, and the amount of analyzed data.

    `unlisted` is the number of unexplained lines beyond those in `unexplained`.
    """

    findings: tuple[Finding, ...]
    unexplained: tuple[Unexplained, ...] = ()
    unlisted: int = 0
    nodes: tuple[str, ...] = ()
    logs: int = 0
    lines: int = 0
    symptoms: int = 0
    unread: tuple[Message, ...] = field(default=())

    @property
    def worst(self) -> Severity | None:
        """Return the highest severity of current findings; None without any."""
        severities = {finding.symptom.severity for finding in self.findings if finding.now}
        return next((severity for severity in Severity if severity in severities), None)

    def as_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {
            "schema": 1,
            "worst": str(self.worst or ""),
            "findings": [finding.as_dict() for finding in self.findings],
            "unexplained": [line.as_dict() for line in self.unexplained],
            "unlisted": self.unlisted,
            "analyzed": {
                "nodes": list(self.nodes),
                "logs": self.logs,
                "lines": self.lines,
                "symptoms": self.symptoms,
                "unread": [message.as_dict() for message in self.unread],
            },
        }
