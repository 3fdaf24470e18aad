"""Whether the nodes are as a deployment that changed nothing has left them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from inferfleet.messages import N_, Message

UNCHANGED_GROUP = "x_unchanged"
"""Group that exists while a run skips the plays between preflight and verification."""
_SHOWN = 3
_NO_RECORD = ["record"]
_NONE = N_("The nodes have no record of a run that changed nothing: this run is complete.")
_UNRECORDED = N_(
    "This run is complete: the last one changed nothing, but is not recorded, because this differed between its"
    " beginning and its end: {names}."
)
_NOT_RECORDED = N_(
    "{host} does not record this run, because this differed between its beginning and its end: {names}."
    " The next run is complete too."
)


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
    named = {host: list(record.get("differences", _NO_RECORD)) for host, record in records.items()}
    known = [dict(record["inputs"]) for record in records.values() if record.get("inputs")]
    if not known:
        unrecorded = [f"{host}: {name}" for host, names in named.items() for name in names if names != _NO_RECORD]
        return Decision("", Message("", _UNRECORDED, names=_first(unrecorded)) if unrecorded else Message("", _NONE))
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
    template = N_("The run is complete, because this differs from the recorded state: {names}.")
    return Decision("", Message("", template, names=_first(shown) or _NO_RECORD))


def not_recorded(host: str, differences: Sequence[str]) -> Message:
    """Return the message at the end of a complete run that changed nothing, but is not recorded."""
    return Message("", _NOT_RECORDED, host=host, names=_first(differences))


def _first(names: Sequence[str]) -> list[str]:
    """Return the first names, and the number of the others."""
    return [*names[:_SHOWN], *([f"+{len(names) - _SHOWN}"] if len(names) > _SHOWN else [])]
