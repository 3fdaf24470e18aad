"""What a diagnosis found, as rows, and what that makes of a run."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from inferfleet.cli.row import Row
from inferfleet.cli.text import count
from inferfleet.doctor import Trace
from inferfleet.messages import Message
from inferfleet.runner.outcome import Outcome

_UNREACHABLE = "node-unreachable"
_TONES = {"error": "bad", "warning": ""}


def judge_diagnosis(judged: Outcome, diagnosis: Any) -> Outcome:
    """Return what a run came to whose diagnosis found this; a run that failed stays failed."""
    if judged is not Outcome.OK or not isinstance(diagnosis, Mapping):
        return judged
    there = [finding for finding in _findings(diagnosis) if finding["now"]]
    if any(finding["id"] == _UNREACHABLE for finding in there):
        return Outcome.UNREACHABLE
    worst = {finding["severity"] for finding in there}
    return Outcome.FAILED if "error" in worst else Outcome.WARNED if worst else Outcome.OK


def diagnosis_blocks(diagnosis: Any) -> list[list[Row]]:
    """Return a block for each finding, and one that says what was looked at; none where it is something else."""
    if not isinstance(diagnosis, Mapping):
        return []
    there = [finding for finding in _findings(diagnosis) if finding["now"]]
    past = [finding for finding in _findings(diagnosis) if not finding["now"]]
    looked = diagnosis.get("looked_at") or {}
    nodes = ", ".join(node for node in looked.get("nodes", ()) if node)
    text = f"{count(looked.get('logs', 0), 'log')}, {count(looked.get('lines', 0), 'line')}" + (
        f" of {nodes}" if nodes else ""
    )
    seen = [Row("looked at", f"{text}, for {count(looked.get('symptoms', 0), 'symptom')}", "soft")]
    seen += [Row("not read", str(text)) for text in looked.get("unread", ())]
    seen += [Row("kept in", str(diagnosis["folder"]), "soft")] if diagnosis.get("folder") else []
    overcome = [Row("overcome", f"{_what(finding)}{_when(finding)}", "soft") for finding in past]
    return [*map(_block, there), *([overcome] if overcome else []), seen]


def diagnosis_heading(diagnosis: Any) -> str:
    """Return how many of which severity there are; empty where there is nothing."""
    kinds = (
        [finding["severity"] for finding in _findings(diagnosis) if finding["now"]]
        if isinstance(diagnosis, Mapping)
        else []
    )
    parts = [count(kinds.count(kind), kind) for kind in _TONES if kind in kinds]
    return " and ".join(parts)


def _block(finding: Mapping[str, Any]) -> list[Row]:
    rows = [Row(finding["severity"], f"{_what(finding)} ({finding['id']})", _TONES.get(finding["severity"], ""))]
    places: dict[str, None] = {}
    for trace in finding["evidence"]:
        places.setdefault(trace["where"])
    where = ", ".join(place if place != "state" else "its state" for place in places)
    rows.append(Row("seen in", f"{where}{_when(finding)}"))
    rows += [Row("evidence", str(Trace.from_dict(trace).text).strip()) for trace in _last(finding["evidence"])]
    rows += [Row(key, str(Message("", finding[key]))) for key in ("cause", "check", "remedy")]
    return [*rows, Row("source", finding["sources"][0], "soft")]


def _what(finding: Mapping[str, Any]) -> str:
    title = str(Message("", finding["title"]))
    return f"{title}, on {finding['node']}" if finding["node"] else title


def _when(finding: Mapping[str, Any]) -> str:
    times = [trace["at"] for trace in finding["evidence"] if trace["at"]]
    last = f", last at {datetime.fromtimestamp(max(times)):%Y-%m-%d %H:%M:%S}" if times else ""
    return last + (f", {finding['count']} times" if finding["count"] > 1 else "")


def _last(traces: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return one trace of the state and the last of the logs: more would not tell more."""
    state = [trace for trace in traces if trace["where"] == "state"]
    lines = [trace for trace in traces if trace["where"] != "state"]
    return [*state[:1], *lines[-1:]]


def _findings(diagnosis: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [item for item in diagnosis.get("findings") or [] if isinstance(item, Mapping)]
