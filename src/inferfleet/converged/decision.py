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


def decide(records: Mapping[str, Mapping[str, Any]], inputs: Mapping[str, str], reason: str) -> Decision:
    """Return the decision from the `records` of all hosts (module_utils/converged.py) and the `inputs` of this run.

    `reason` is why the run must be complete; empty if there is none.
    """
    if reason:
        return Decision("", Message("", N_("The run is complete because of {reason}."), reason=reason))
    named = {host: list(record.get("differences", ["record"])) for host, record in records.items()}
    if all(names == ["record"] for names in named.values()):
        return Decision(
            "", Message("", N_("The nodes have no record of a run that changed nothing: this run is complete."))
        )
    known = [dict(record["inputs"]) for host, record in records.items() if named[host] != ["record"]]
    differing = sorted(
        {name for found in known for name in found.keys() | inputs.keys() if found.get(name) != inputs.get(name)}
    )
    shown = [*differing, *(f"{host}: {name}" for host, names in named.items() for name in names)]
    if not shown and len({record["run"] for record in records.values()}) == 1:
        since = next(iter(records.values()))["since"]
        text = N_(
            "Nothing has changed since the complete run of {since}: only the service is verified."
            " `inferfleet up --complete` or `-e complete_run=true` runs all stages."
        )
        return Decision(since, Message("", text, since=since))
    more = [f"+{len(shown) - _SHOWN}"] if len(shown) > _SHOWN else []
    template = N_("The run is complete, because this differs from the recorded state: {names}.")
    return Decision("", Message("", template, names=[*shown[:_SHOWN], *more] or ["record"]))
