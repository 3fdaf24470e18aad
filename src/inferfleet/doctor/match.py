"""Find the symptoms of the catalog in the evidence. Pure: no clock, no files."""

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from inferfleet.doctor.evidence import ENGINE, Evidence, Log, plain, split_time, unix_time
from inferfleet.doctor.expressions import holds, render
from inferfleet.doctor.findings import Diagnosis, Finding, Trace, Unexplained
from inferfleet.doctor.hide import Hider
from inferfleet.doctor.symptom import LogKind, Severity, Symptom
from inferfleet.doctor.unexplained import FatalLine, fatal_lines
from inferfleet.engines.logs import ready_lines
from inferfleet.messages import N_, Message
from inferfleet.planner.plan import plan_name

SHOWN = 3  # traces of one finding; further ones are counted
LISTED = 8  # unexplained lines; further ones are counted
_WIDTH = 400  # characters of a line
_ANSWERS = "service.completion.status == 200"


@dataclass(frozen=True)
class _Page:
    """A prepared log: without colors, with the offsets of line starts.

    `ready` is the offset where the engine last reported that it is ready, `started` the start of its container (Unix
    time).
    """

    log: Log
    text: str
    line_starts: Sequence[int]
    ready: int
    started: float | None

    def trace(self, offset: int, persistent: bool) -> tuple[Trace, bool]:
        """Return the line at an offset, and whether its symptom has been resolved since.

        An error is resolved once the engine was ready after it: a restart alone may fail in the same way. A persistent
        symptom is resolved when its container was restarted.
        """
        number = bisect_right(self.line_starts, offset)
        end = self.line_starts[number] - 1 if number < len(self.line_starts) else len(self.text)
        at, message = split_time(self.text[self.line_starts[number - 1] : end])
        restarted = at is not None and self.started is not None and at < self.started - 1
        return Trace(
            self.log.name, _cut(message, offset - (end - len(message))), at, number
        ), restarted if persistent else offset < self.ready


def diagnose(evidence: Evidence, symptoms: Iterable[Symptom], hide: Hider | None = None) -> Diagnosis:
    """Return the findings of `symptoms` in the evidence, with secrets redacted."""
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
    errors = any(finding.now and finding.symptom.severity is Severity.ERROR for finding in findings)
    lines = _unexplained(pages, catalog, scopes, errors)
    return Diagnosis(
        findings=tuple(_hidden(finding, hide) for finding in findings),
        unexplained=tuple(_listed(line, hide) for line in lines[:LISTED]),
        unlisted=len(lines[LISTED:]),
        nodes=tuple(dict.fromkeys([*evidence.nodes, *evidence.unreachable, *(log.node for log in evidence.logs)])),
        logs=len(pages),
        lines=sum(len(page.line_starts) for page in pages),
        symptoms=len(catalog),
        unread=tuple(
            _unread(name, given, hide) for name, node in evidence.nodes.items() for given in node.get("unread") or ()
        ),
    )


def _page(log: Log, state: Mapping[str, Any]) -> _Page:
    text = plain(log.text)
    ready = 0
    if log.kind == ENGINE:  # earlier symptoms are resolved once an engine is ready
        ready = max((found.start() for found in ready_lines().finditer(text)), default=0)
    container = (state.get("containers") or {}).get(log.container) or {}
    started = unix_time(container.get("started_at")) if container.get("running") else None
    return _Page(log, text, [0, *(found.end() for found in re.finditer("\n", text.rstrip("\n")))], ready, started)


def _by_state(symptom: Symptom, facts: Mapping[str, Any]) -> Iterator[Finding]:
    if not symptom.state:
        return
    for name, node in facts["nodes"].items() if symptom.per_node else (("", None),):
        scope = {**facts, "name": name, "node": node} if symptom.per_node else facts
        if holds(symptom.state, scope):
            yield Finding(symptom, name, (Trace("state", render(symptom.evidence, scope)),), service=_service(facts))


def _in_logs(symptom: Symptom, pages: Sequence[_Page], facts: Mapping[str, Any]) -> Iterator[Finding]:
    patterns = [re.compile(pattern) for pattern in symptom.patterns]
    persistent = symptom.persistent or symptom.severity is Severity.WARNING
    found: dict[str, list[tuple[Trace, bool]]] = {}
    for page in pages:
        node = page.log.node
        if not _concerns(
            symptom, page.log, {**facts, "name": node, "node": facts["nodes"].get(node), "log": page.text}
        ):
            continue
        offsets = {match.start() for pattern in patterns for match in pattern.finditer(page.text)}
        lines = (page.trace(offset, persistent) for offset in sorted(offsets))
        by_number = {trace.line: (trace, resolved) for trace, resolved in lines}
        found.setdefault(node, []).extend(by_number.values())
    answers = holds(_ANSWERS, facts) and not persistent
    for node, matches in found.items():
        current = [trace for trace, resolved in matches if not resolved]
        over = answers or _resolved(symptom, node, facts)
        now = len(current) >= symptom.min_count and not over
        traces = current if now else [trace for trace, _ in matches]
        if len(traces) >= symptom.min_count:
            yield Finding(symptom, node, tuple(traces[-SHOWN:]), len(traces), now, _service(facts))


def _resolved(symptom: Symptom, name: str, facts: Mapping[str, Any]) -> bool:
    return bool(symptom.resolved) and holds(symptom.resolved, {**facts, "name": name, "node": facts["nodes"].get(name)})


def _unexplained(
    pages: Iterable[_Page], catalog: Sequence[Symptom], scopes: Sequence[Mapping[str, Any]], errors: bool
) -> list[Unexplained]:
    """Return the unresolved fatal lines that match no symptom, without repetitions.

    Lines that only report the consequence of a failure are omitted if there are other lines, or `errors`.
    """
    found: dict[tuple[str, str], tuple[FatalLine, Unexplained]] = {}
    for page in pages:
        node = page.log.node
        facts = next(facts for number, facts in enumerate(scopes) if _belongs(node, number, scopes))
        if holds(_ANSWERS, facts):
            continue
        scope = {**facts, "name": node, "node": facts["nodes"].get(node), "log": page.text}
        concerned = [symptom for symptom in catalog if _concerns(symptom, page.log, scope)]
        patterns = [re.compile(pattern) for symptom in concerned for pattern in symptom.patterns]
        for fatal in fatal_lines(split_time(line)[1] for line in page.text.rstrip("\n").split("\n")):
            trace, resolved = page.trace(page.line_starts[fatal.index], persistent=False)
            texts = (fatal.message, *fatal.related)
            if resolved or any(pattern.search(text) for pattern in patterns for text in texts):
                continue
            place = (node, fatal.key)
            count = found[place][1].count if place in found else 0
            found[place] = fatal, Unexplained(node, trace, count + 1)
    primary = [line for fatal, line in found.values() if not fatal.consequence]
    return primary or ([] if errors else [line for _, line in found.values()])


def _belongs(node: str, number: int, scopes: Sequence[Mapping[str, Any]]) -> bool:
    """Return whether a node belongs to the scope; a node without state belongs to the first one."""
    return node in scopes[number]["nodes"] or (not number and not any(node in scope["nodes"] for scope in scopes))


def _service(facts: Mapping[str, Any]) -> str:
    return plan_name(facts["plan"])


def _concerns(symptom: Symptom, log: Log, facts: Mapping[str, Any]) -> bool:
    """Return whether the symptom applies to a log; a log of unknown kind may be any."""
    if not symptom.patterns or (symptom.logs and log.kind not in (*symptom.logs, LogKind.ANY)):
        return False
    if symptom.when and not holds(symptom.when, facts):
        return False
    return not (symptom.unless and holds(symptom.unless, facts))


def _merged(state: Finding, lines: Finding) -> Finding:
    """Return one finding of the state and the logs of a node; state is always current."""
    if not lines.now:
        return state
    return replace(state, traces=(*state.traces, *lines.traces)[:SHOWN], count=state.count + lines.count)


def _listed(line: Unexplained, hide: Hider) -> Unexplained:
    return replace(line, trace=replace(line.trace, text=_without_secrets(line.trace.text, hide)))


def _hidden(finding: Finding, hide: Hider) -> Finding:
    return replace(
        finding, traces=tuple(replace(trace, text=_without_secrets(trace.text, hide)) for trace in finding.traces)
    )


def _without_secrets(value: Any, hide: Hider) -> Any:
    """Return a text, message or parameter with secrets redacted."""
    if isinstance(value, str):
        return hide(value)
    if isinstance(value, Message):
        return value.with_parameters(**{key: _without_secrets(v, hide) for key, v in value.parameters.items()})
    return [_without_secrets(item, hide) for item in value] if isinstance(value, list | tuple) else value


def _unread(node: str, given: Any, hide: Hider) -> Message:
    """Return the message of what could not be read on a node; earlier versions wrote strings."""
    text = Message.from_dict(given) if isinstance(given, Mapping) else str(given)
    return Message("unread", N_("{node}: {text}"), node=node, text=_without_secrets(text, hide))


def _cut(line: str, around: int) -> str:
    """Return a line; a long one is cut around the match."""
    line, around = line.rstrip(), max(around, 0)
    if len(line) <= _WIDTH:
        return line.strip()
    begin = max(0, min(around - _WIDTH // 4, len(line) - _WIDTH))
    return f"{'…' if begin else ''}{line[begin : begin + _WIDTH].strip()}{'…' if begin + _WIDTH < len(line) else ''}"
