"""Texts of what the supervisors report: states, reasons and events, by their codes."""

from collections.abc import Mapping
from string import Formatter
from typing import Any

from inferfleet.messages import N_, Message

STATES = {
    "absent": N_("not deployed"),
    "stopping": N_("stopping"),
    "stopped": N_("stopped"),
    "waiting": N_("waiting for a node"),
    "back-off": N_("waiting before the next start"),
    "starting": N_("starting"),
    "loading": N_("loading"),
    "serving": N_("serving"),
}
"""States of a replica; roles/supervisor/files/inferfleet_supervisor/model.py."""

REASONS = {
    "container-exited": N_("container {container} on {node} exited with code {exit_code}"),
    "container-restarted": N_("container {container} on {node} was restarted"),
    "rank-lost": N_("a rank process on {node} ended"),
    "hang": N_("the engine made no progress for {seconds} s"),
    "completions-fail": N_("completions failed with HTTP {status}"),
    "no-answer": N_("the engine did not accept connections"),
    "out-of-memory": N_("container {container} on {node} ran out of memory"),
    "member-restarted": N_("{node} was restarted"),
    "member-lost": N_("{node} does not answer"),
    "join-timeout": N_("the containers did not start within {seconds} s"),
    "load-timeout": N_("the engine did not load within {seconds} s"),
    "operator": N_("by `inferfleet start` or `restart`"),
    "operator-stopped": N_("by `inferfleet stop`"),
    "container-stopped": N_("container {container} on {node} was stopped deliberately"),
    "deployed": N_("deployed"),
}
"""Why a replica is in its state; roles/supervisor/files/inferfleet_supervisor/group.py."""

_EVENTS = {
    "state-changed": N_("{old} → {new}"),
    "restart": N_("restart {restarts}: {reason}"),
    "exhausted": N_("{attempts} restarts in a row failed: from now on one attempt every 10 minutes"),
    "member-lost": N_("{member} does not answer"),
    "member-returned": N_("{member} answers again"),
    "stopped": N_("stopped: {reason}"),
    "started": N_("started: {reason}"),
    "start-failed": N_("container {container} cannot be started: {error}"),
    "adopted": N_("took over the running containers"),
    "held": N_("only observes for {seconds:.0f} s: {reason}"),
    "released": N_("acts again"),
}


def state_message(state: str) -> Message:
    """Return the text of a state."""
    return Message(state, STATES[state]) if state in STATES else Message(state, "{state}", state=state)


def reason_message(reason: Mapping[str, Any] | None) -> Message:
    """Return the text of a reason; empty if there is none."""
    if not reason:
        return Message("", "")
    code, parameters = str(reason.get("code", "")), dict(reason.get("parameters") or {})
    return _message(REASONS, code, parameters)


def event_message(event: Mapping[str, Any]) -> Message:
    """Return the text of an entry of a journal."""
    code, parameters = str(event.get("event", "")), dict(event.get("parameters") or {})
    if isinstance(parameters.get("reason"), Mapping) or parameters.get("reason", "") is None:
        parameters["reason"] = reason_message(parameters["reason"])
    if code == "state-changed":
        parameters |= {"old": state_message(parameters.get("from", "")), "new": state_message(parameters.get("to", ""))}
    return _message(_EVENTS, code, parameters)


def _message(templates: Mapping[str, str], code: str, parameters: Mapping[str, Any]) -> Message:
    """Return the text of a code; one of a newer supervisor, or without its parameters, is shown as it is."""
    fields = {name for _, name, _, _ in Formatter().parse(templates.get(code, "")) if name}
    if code in templates and fields <= parameters.keys():
        return Message(code, templates[code], **parameters)
    values = ", ".join(f"{key}={value}" for key, value in parameters.items())
    return Message(code, "{text}", text=f"{code} ({values})" if values else code)
