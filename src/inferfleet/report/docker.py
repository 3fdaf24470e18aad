"""Docker images and containers in the report, without environments and command lines."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from inferfleet.messages import N_, Message

Objects = Iterable[Mapping[str, Any]]


def shown_images(images: Objects) -> list[dict[str, Any]]:
    """Return names, digests and id of images, from Docker's API."""
    return [
        {"names": image.get("RepoTags") or [], "digests": image.get("RepoDigests") or [], "id": image["Id"]}
        for image in images
    ]


def shown_containers(containers: Objects) -> list[dict[str, str]]:
    """Return name, image and status of containers, from Docker's API, whose names start with a slash."""
    return [
        {"name": container["Names"][0][1:], "image": container["Image"], "status": container["Status"]}
        for container in containers
    ]


_STATUS = re.compile(
    r"(?P<state>Up|Exited|Restarting|Created|Dead)(?: \((?P<code>\d+)\))?"
    r"(?: (?P<time>[\w ]+?))?(?: ago)?(?: \((?P<note>healthy|unhealthy|health: starting|Paused)\))?"
)
_TIMES = {
    "Less than a second": N_("Less than a second"),
    "1 second": N_("1 second"),
    "About a minute": N_("About a minute"),
    "About an hour": N_("About an hour"),
    "seconds": N_("{count} seconds"),
    "minutes": N_("{count} minutes"),
    "hours": N_("{count} hours"),
    "days": N_("{count} days"),
    "weeks": N_("{count} weeks"),
    "months": N_("{count} months"),
    "years": N_("{count} years"),
}
"""Durations, as Docker formats them (docker/go-units, HumanDuration)."""
_NOTES = {
    "healthy": N_("healthy"),
    "unhealthy": N_("unhealthy"),
    "health: starting": N_("health: starting"),
    "Paused": N_("Paused"),
}
_STATES = {
    "Up": (N_("Up {time}"), N_("Up {time} ({note})")),
    "Exited": (N_("Exited ({code})"), N_("Exited ({code}) {time} ago")),
    "Restarting": (N_("Restarting ({code})"), N_("Restarting ({code}) {time} ago")),
    "Created": (N_("Created"), N_("Created")),
    "Dead": (N_("Dead"), N_("Dead")),
}


def status_message(status: str) -> Message:
    """Return the message of a container status, which Docker's API returns as English text; literal if unknown."""
    match = _STATUS.fullmatch(status)
    if match is None:
        return Message("", status)
    short, long = _STATES[match["state"]]
    time, note = _time(match["time"] or ""), match["note"]
    if match["state"] == "Up":
        return Message("", long if note else short, time=time, **({"note": Message("", _NOTES[note])} if note else {}))
    return Message("", long if match["time"] else short, code=match["code"], time=time)


def _time(text: str) -> Message:
    if text in _TIMES:
        return Message("", _TIMES[text])
    count, _, unit = text.partition(" ")
    return Message("", _TIMES[unit], count=count) if unit in _TIMES else Message("", text)
