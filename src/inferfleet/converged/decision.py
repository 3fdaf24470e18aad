"""Whether the nodes are as a deployment that changed nothing has left them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from inferfleet.messages import N_, Message

UNCHANGED_GROUP = "x_unchanged"
"""Group that exists while a run skips the plays between preflight and verification."""
_SHOWN = 3


@dataclass(frozen=True)
class Decision:
    """`since` is when the complete run began that changed nothing; empty if this run must be complete."""

    since: str
    text: Message


def decide(results: Mapping[str, Mapping[str, Any]], reason: str) -> Decision:
    """Return the decision from the `results` of change_lock by host; `reason` is why a complete run is needed."""
    if reason:
        return Decision("", Message("", N_("The run is complete because of {reason}."), reason=reason))
    runs = {str(result.get("record", {}).get("run", "")) for result in results.values()}
    records = [result.get("record", {}) for result in results.values()]
    if len(runs) == 1 and "" not in runs:
        since = records[0]["since"]
        text = N_(
            "Nothing has changed since the complete run of {since}, which changed nothing: its plays are skipped."
            " `inferfleet up --complete` or `-e complete_run=true` runs them."
        )
        return Decision(since, Message("", text, since=since))
    return Decision("", _difference(results))


def _difference(results: Mapping[str, Mapping[str, Any]]) -> Message:
    named = {host: list(result.get("record", {}).get("differences", ())) for host, result in results.items()}
    if all(names == ["record"] for names in named.values()):
        return Message("", N_("The nodes have no record of a complete run that changed nothing: this run is complete."))
    # What all hosts report is the same input of the controller.
    shown = [name for names in list(named.values())[:1] for name in names if name.startswith("inputs: ")]
    shown += [f"{host}: {name}" for host, names in named.items() for name in names if not name.startswith("inputs: ")]
    if not shown:
        shown = ["records of different runs"]
    more = [f"+{len(shown) - _SHOWN}"] if len(shown) > _SHOWN else []
    template = N_("The run is complete, because this differs from the recorded state: {names}.")
    return Message("", template, names=[*shown[:_SHOWN], *more])
