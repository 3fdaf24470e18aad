"""Find the symptoms of the catalog in what was collected. Pure: no clock, no files."""

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from inferfleet.doctor.evidence import ENGINE, Evidence, Log, plain, split_time, unix_time
from inferfleet.doctor.expressions import holds, render
from inferfleet.doctor.findings import Diagnosis, Finding, Trace
from inferfleet.doctor.hide import Hider
from inferfleet.doctor.symptom import LogKind, Severity, Symptom
from inferfleet.engines.logs import ready_lines
from inferfleet.messages import N_, Message

SHOWN = 3  # traces of one finding; the rest is counted
_WIDTH = 400  # characters of a line
_ANSWERS = "service.completion.status == 200"


@dataclass(frozen=True)
class _Page:
    """A log made ready: without colours, with the places where lines begin.

    `ready` is the place where the engine last said that it serves, `started` when its container did (Unix time).
    """

    log: Log
    text: str
    begins: Sequence[int]
    ready: int
    started: float | None

    def trace(self, place: int, lasting: bool) -> tuple[Trace, bool]:
        """Return the line at a place, and whether what it tells has been overcome since.

        A container that was started again may well fail again the same way: an error is overcome once the engine was
        ready after it. What lasts as long as a container does, is over when that was started anew.
        """
        number = bisect_right(self.begins, place)
        end = self.begins[number] - 1 if number < len(self.begins) else len(self.text)
        at, said = split_time(self.text[self.begins[number - 1] : end])
        anew = at is not None and self.started is not None and at < self.started - 1
        return Trace(
            self.log.name, _cut(said, place - (end - len(said))), at, number
        ), anew if lasting else place < self.ready


def diagnose(evidence: Evidence, symptoms: Iterable[Symptom], hide: Hider | None = None) -> Diagnosis:
    """Return what of `symptoms` shows in the evidence, with secrets hidden."""
    hide, catalog, scopes = hide or Hider(), tuple(symptoms), evidence.scopes()
    pages = [_page(log, evidence.nodes.get(log.node, {})) for log in evidence.logs]
    findings: list[Finding] = []
    for symptom in catalog:
        found: dict[tuple[str, str], Finding] = {}
        for number, facts in enumerate(scopes):
            own = [page for page in pages if _belongs(page.log.node, number, scopes)]
            for finding in (*_by_state(symptom, facts), *_in_logs(symptom, own, facts)):
                place = (finding.service, finding.node)
                found[place] = _merged(found[place], finding) if place in found else finding
        findings += {(finding.node, finding.traces): finding for finding in reversed(found.values())}.values()
    rank = {severity: number for number, severity in enumerate(Severity)}
    findings.sort(key=lambda finding: (not finding.now, rank[finding.symptom.severity]))  # stable: layers stay in order
    return Diagnosis(
        findings=tuple(_hidden(finding, hide) for finding in findings),
        nodes=tuple(dict.fromkeys([*evidence.nodes, *evidence.unreachable, *(log.node for log in evidence.logs)])),
        logs=len(pages),
        lines=sum(len(page.begins) for page in pages),
        symptoms=len(catalog),
        unread=tuple(
            _unread(name, given, hide) for name, node in evidence.nodes.items() for given in node.get("unread") or ()
        ),
    )


def _page(log: Log, state: Mapping[str, Any]) -> _Page:
    text = plain(log.text)
    ready = 0
    if log.kind == ENGINE:  # once an engine serves, what it said before has been overcome
        ready = max((found.start() for found in ready_lines().finditer(text)), default=0)
    container = (state.get("containers") or {}).get(log.container) or {}
    started = unix_time(container.get("started_at")) if container.get("running") else None
    return _Page(log, text, [0, *(found.end() for found in re.finditer("\n", text.rstrip("\n")))], ready, started)


def _by_state(symptom: Symptom, facts: Mapping[str, Any]) -> Iterator[Finding]:
    if not symptom.state:
        return
    for name, node in facts["nodes"].items() if symptom.each else (("", None),):
        scope = {**facts, "name": name, "node": node} if symptom.each else facts
        if holds(symptom.state, scope):
            yield Finding(symptom, name, (Trace("state", render(symptom.evidence, scope)),), service=_service(facts))


def _in_logs(symptom: Symptom, pages: Sequence[_Page], facts: Mapping[str, Any]) -> Iterator[Finding]:
    patterns = [re.compile(pattern) for pattern in symptom.patterns]
    lasting = symptom.lasting or symptom.severity is Severity.WARNING
    found: dict[str, list[tuple[Trace, bool]]] = {}
    for page in pages:
        node = page.log.node
        if not _concerns(
            symptom, page.log, {**facts, "name": node, "node": facts["nodes"].get(node), "log": page.text}
        ):
            continue
        places = {match.start() for pattern in patterns for match in pattern.finditer(page.text)}
        traces = {trace.line: (trace, over) for trace, over in (page.trace(place, lasting) for place in sorted(places))}
        found.setdefault(node, []).extend(traces.values())
    answers = holds(_ANSWERS, facts) and not lasting
    for node, lines in found.items():
        there = [trace for trace, over in lines if not over]
        now = len(there) >= symptom.least and not answers
        told = there if now else [trace for trace, _ in lines]
        if len(told) >= symptom.least:
            yield Finding(symptom, node, tuple(told[-SHOWN:]), len(told), now, _service(facts))


def _belongs(node: str, number: int, scopes: Sequence[Mapping[str, Any]]) -> bool:
    """Return whether a node is one of that scope's; one that no state is known of belongs to the first."""
    return node in scopes[number]["nodes"] or (not number and not any(node in scope["nodes"] for scope in scopes))


def _service(facts: Mapping[str, Any]) -> str:
    return str(facts["plan"].get("service") or "")


def _concerns(symptom: Symptom, log: Log, facts: Mapping[str, Any]) -> bool:
    """Return whether a log is one that the symptom shows in; one of no known kind may be any."""
    if not symptom.patterns or (symptom.logs and log.kind not in (*symptom.logs, LogKind.ANY)):
        return False
    if symptom.when and not holds(symptom.when, facts):
        return False
    return not (symptom.unless and holds(symptom.unless, facts))


def _merged(state: Finding, lines: Finding) -> Finding:
    """Return one finding of what state and logs say of a node; state is always of now."""
    if not lines.now:
        return state
    return replace(state, traces=(*state.traces, *lines.traces)[:SHOWN], count=state.count + lines.count)


def _hidden(finding: Finding, hide: Hider) -> Finding:
    return replace(
        finding, traces=tuple(replace(trace, text=_without_secrets(trace.text, hide)) for trace in finding.traces)
    )


def _without_secrets(value: Any, hide: Hider) -> Any:
    """Return a text, message or parameter with secrets hidden."""
    if isinstance(value, str):
        return hide(value)
    if isinstance(value, Message):
        return value.with_parameters(**{key: _without_secrets(v, hide) for key, v in value.parameters.items()})
    return [_without_secrets(item, hide) for item in value] if isinstance(value, list | tuple) else value


def _unread(node: str, given: Any, hide: Hider) -> Message:
    """Return what could not be read on a node; a string is what an earlier version has written."""
    text = Message.from_dict(given) if isinstance(given, Mapping) else str(given)
    return Message("unread", N_("{node}: {text}"), node=node, text=_without_secrets(text, hide))


def _cut(line: str, around: int) -> str:
    """Return a line, or of a long one what lies around the match."""
    line, around = line.rstrip(), max(around, 0)
    if len(line) <= _WIDTH:
        return line.strip()
    begin = max(0, min(around - _WIDTH // 4, len(line) - _WIDTH))
    return f"{'…' if begin else ''}{line[begin : begin + _WIDTH].strip()}{'…' if begin + _WIDTH < len(line) else ''}"
