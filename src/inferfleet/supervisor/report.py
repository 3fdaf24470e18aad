"""What the supervisors of all nodes report: the replicas with their states, and one list of events."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from inferfleet.messages import N_, Message, Problem
from inferfleet.supervisor.messages import event_message, reason_message, state_message

Statuses = Mapping[str, Mapping[str, Any]]
"""By node, what `inferfleet-supervisor status --json` printed; empty where none answers."""

_MOST_EVENTS = 2000  # the newest ones


def parsed(outputs: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """Return the status of each node from the output of the command; empty where it printed none."""
    return {node: _mapping(text) for node, text in outputs.items()}


def readiness(status: Mapping[str, Any], node: str, wanted: str) -> dict[str, Any]:
    """Return `ready`, `fatal` (waiting is useless) and progress of a replica that shall reach the state `wanted`.

    Empty: its supervisor answers.
    """
    if not status:
        text = Message("supervisor-silent", N_("the supervisor on {host} does not answer"), host=node)
        return {"ready": False, "fatal": False, **_progress(text, ready=False)}
    state = str(status.get("state") or "")
    ready = not wanted or state == wanted
    deliberate = wanted == "serving" and status.get("desired") == "stopped"
    text = _row_text(status, True)
    return {"ready": ready, "fatal": bool(status.get("exhausted") or deliberate), **_progress(text, ready=ready)}


def _progress(text: Message, *, ready: bool) -> dict[str, Any]:
    form = text.as_dict()
    return {"msg": form["message"], "progress": {"text": form}, "problems": [] if ready else [form]}


def replicas(statuses: Statuses) -> list[dict[str, Any]]:
    """Return a row for each replica: its leader's view, or that of a member if the leader does not answer."""
    rows: dict[str, dict[str, Any]] = {}
    for node, status in statuses.items():
        name = str(status.get("replica", ""))
        if not name or (name in rows and status.get("leader") != node):
            continue
        state = str(status.get("state") or "")
        known = status.get("leader") == node
        rows[name] = {
            "replica": name,
            "leader": status.get("leader", ""),
            "leader_answers": known,
            "state": state,
            "generation": status.get("generation", 0),
            "since": status.get("since", ""),
            "restarts": status.get("restarts", 0),
            "exhausted": bool(status.get("exhausted")),
            "held": bool(status.get("held")),
            "desired": status.get("desired", ""),
            "reason": reason_message(status.get("reason")).as_dict(),
            "text": _row_text(status, known).as_dict(),
        }
    return list(rows.values())


def chosen(statuses: Statuses, replica: str) -> list[str]:
    """Return the leaders to command: that of a replica, by its name or one of its nodes, or all."""
    return [
        node
        for node, status in statuses.items()
        if status.get("leader") == node and (not replica or replica in _names(status))
    ]


def choice_problems(statuses: Statuses, replica: str) -> list[Problem]:
    """Return why a command cannot be given: no supervisor answers, or there is no such replica."""
    if chosen(statuses, replica):
        return []
    there = [str(row["replica"]) for row in replicas(statuses)]
    if not there:
        return [
            Problem(
                "no-supervisor",
                N_("No supervisor answers on {nodes}."),
                N_("Deploy the service with `inferfleet up`; with supervisor_enabled: false there is none."),
                nodes=list(statuses),
            )
        ]
    if any(replica in _names(status) for status in statuses.values()) or not replica:
        leaders = [str(row["leader"]) for row in replicas(statuses)]
        message = N_("The supervisor of the head node does not answer: {leaders}.")
        remedy = N_("Check that the node is up and that unit inferfleet-supervisor runs there.")
        return [Problem("leader-unreachable", message, remedy, leaders=leaders)]
    message = N_("There is no replica {replica}.")
    return [Problem("unknown-replica", message, N_("Choose from {names}."), replica=replica, names=there)]


def events(outputs: Mapping[str, str], replica: str = "") -> list[dict[str, Any]]:
    """Return the events of all nodes in the order of their times, with `text`; of one replica, or all.

    `outputs` are what `inferfleet-supervisor events --json` printed, by node: one object a line, or a list.
    """
    found = [event for text in outputs.values() for event in _events(text)]
    wanted = [event for event in found if not replica or replica in (event.get("replica"), event.get("node"))]
    wanted.sort(key=lambda event: str(event.get("time", "")))
    return [{**event, "text": event_message(event).as_dict()} for event in wanted[-_MOST_EVENTS:]]


def status_results(statuses: Statuses, nodes: Iterable[str]) -> list[dict[str, Any]]:
    """Return the result of a check for the replica of these nodes, and for each of them without a supervisor."""
    own = {node: statuses.get(node) or {} for node in nodes}
    results = [
        {"name": _named(str(row["replica"])).as_dict(), "ok": _is_well(row), "detail": row["text"]}
        for row in replicas(own)
    ]
    silent = Message("supervisor-silent", N_("does not answer"))
    return results + [
        {"name": Message("", N_("Supervisor on {host}"), host=node).as_dict(), "ok": False, "detail": silent.as_dict()}
        for node, status in own.items()
        if not status
    ]


def _is_well(row: Mapping[str, Any]) -> bool:
    return bool(row["state"] == "serving" and row["leader_answers"])


def _named(replica: str) -> Message:
    return Message("replica", N_("Replica {replica}"), replica=replica)


def _row_text(status: Mapping[str, Any], known: bool) -> Message:
    """Return the state with generation, restarts and the reason of the last change."""
    if not known:
        return Message("leader-silent", N_("unknown: the head node {leader} does not answer"), leader=status["leader"])
    parts = [
        state_message(str(status.get("state") or "")),
        Message("", N_("generation {generation}"), generation=status.get("generation", 0)),
        Message("", N_("{count} restarts"), count=status.get("restarts", 0)),
    ]
    if status.get("exhausted"):
        parts.append(Message("", N_("restart budget used up")))
    if status.get("held"):
        parts.append(Message("", N_("the supervisor only observes")))
    if status.get("reason"):
        parts.append(Message("", N_("last change: {reason}"), reason=reason_message(status["reason"])))
    return Message("replica-state", "{parts}", parts=parts)


def _names(status: Mapping[str, Any]) -> set[str]:
    members = {str(member.get("node")) for member in status.get("members") or ()}
    return members | {str(status.get(key)) for key in ("replica", "leader", "node")}


def _events(text: str) -> list[dict[str, Any]]:
    try:
        content = json.loads(text or "[]")
    except ValueError:
        return [event for line in text.splitlines() if (event := _mapping(line))]
    items = content if isinstance(content, list) else [content]
    return [event for event in items if isinstance(event, dict)]


def _mapping(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
