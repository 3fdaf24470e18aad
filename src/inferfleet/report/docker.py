"""What the report shows of Docker's images and containers: no environment, no command line."""

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
    """Return name, image and status of containers, from Docker's API, which puts a slash before a name."""
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
"""How long, as Docker writes it (docker/go-units, HumanDuration)."""
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
    """Return the status of a container, which Docker's API has as English text only; a literal where it is unknown."""
    read = _STATUS.fullmatch(status)
    if read is None:
        return Message("", status)
    short, long = _STATES[read["state"]]
    time, note = _time(read["time"] or ""), read["note"]
    if read["state"] == "Up":
        return Message("", long if note else short, time=time, **({"note": Message("", _NOTES[note])} if note else {}))
    return Message("", long if read["time"] else short, code=read["code"], time=time)


def _time(text: str) -> Message:
    if text in _TIMES:
        return Message("", _TIMES[text])
    count, _, unit = text.partition(" ")
    return Message("", _TIMES[unit], count=count) if unit in _TIMES else Message("", text)
