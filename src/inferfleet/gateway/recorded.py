"""The clients that `inferfleet clients` added and revoked, recorded on the controller next to their keys."""

import fcntl
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic import TypeAdapter, ValidationError
from typing_extensions import TypedDict  # pydantic requires this one before Python 3.12

from inferfleet.files import write_atomic
from inferfleet.messages import N_, Problem
from inferfleet.settings import INTERNAL_CLIENTS, ApiClient

FILE = "api_clients.yml"
_HEADING = "# Written by `inferfleet clients`.\n"


@dataclass(frozen=True)
class Recorded:
    """Clients added to those of the setting `api_clients`, and the names of revoked ones of either."""

    added: tuple[Mapping[str, Any], ...] = ()
    revoked: tuple[str, ...] = ()

    def active(self, clients: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
        """Return the user's clients that are not revoked; `clients` is the setting `api_clients`."""
        return [client for client in (*clients, *self.added) if client["name"] not in self.revoked]

    def accepted(self, clients: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
        """Return the clients that the gateway accepts: the active ones and those of inferfleet itself."""
        return [*self.active(clients), *({"name": name} for name in INTERNAL_CLIENTS)]

    def problems(self, clients: Iterable[Mapping[str, Any]]) -> list[Problem]:
        """Return the problem of each client that was added, but is also in the setting `api_clients`."""
        added = {client["name"] for client in self.added}
        return [
            Problem(
                "client-twice",
                N_("Client {client} is in api_clients, and was also added by `inferfleet clients add`."),
                N_("Remove it from api_clients, or give it another name there."),
                client=client["name"],
            )
            for client in clients
            if client["name"] in added
        ]

    def as_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {"added": [dict(client) for client in self.added], "revoked": [*self.revoked]}

    @classmethod
    def from_dict(cls, form: Mapping[str, Any]) -> "Recorded":
        """Return the record from its JSON form."""
        return cls(tuple(form["added"]), tuple(form["revoked"]))


class _Form(TypedDict):
    added: list[ApiClient]
    revoked: list[str]


class BrokenRecordError(Exception):
    """The file was changed manually and is invalid."""

    def __init__(self, path: Path) -> None:
        self.problem = Problem(
            "clients-invalid",
            N_("File {path} is not a valid record of `inferfleet clients`."),
            N_("Restore it from a backup, or delete it and add its clients again."),
            path=str(path),
        )
        super().__init__(str(self.problem))


def read_recorded(secrets: Path) -> Recorded:
    """Return what is recorded in the folder of an inventory's secrets.

    Raises:
        BrokenRecordError: the file is invalid.
    """
    path = secrets / FILE
    if not path.exists():
        return Recorded()
    try:
        form = TypeAdapter(_Form).validate_python(yaml.safe_load(path.read_text("utf-8")))
    except (yaml.YAMLError, ValidationError, UnicodeDecodeError):
        raise BrokenRecordError(path) from None
    return Recorded(tuple(form["added"]), tuple(form["revoked"]))


def write_recorded(secrets: Path, recorded: Recorded) -> None:
    """Record the clients; the file has mode 0600."""
    secrets.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_atomic(secrets / FILE, _HEADING + yaml.safe_dump(recorded.as_dict(), sort_keys=False), mode=0o600)


@contextmanager
def locked(secrets: Path, name: str, *, check: bool = False) -> Iterator[None]:
    """Wait until no other run on this controller has the lock `name`: it would write what it read before.

    A check run writes nothing and needs no lock.
    """
    if check:
        yield
        return
    secrets.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(secrets / f".{name}.lock", os.O_WRONLY | os.O_CREAT, 0o600)
    with os.fdopen(descriptor, "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
