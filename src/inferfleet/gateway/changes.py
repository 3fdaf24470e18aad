"""What `inferfleet clients` may change of the recorded clients, and how it lists all clients."""

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from inferfleet.gateway.client_options import option_of, option_problems
from inferfleet.gateway.clients import end_of_key, has_ended, hash_key
from inferfleet.gateway.recorded import Recorded
from inferfleet.messages import N_, Problem
from inferfleet.settings import INTERNAL_CLIENTS

Settings = Sequence[Mapping[str, Any]]
_LIMITS = ("models", "requests_per_minute", "max_concurrent", "expires")
_FINGERPRINT = 8  # characters of the key's SHA-256


@dataclass(frozen=True)
class Change:
    """A change of a client: `action` is add, rotate or revoke; `limits` are the models and limits of an added one."""

    action: str
    name: str
    limits: Mapping[str, Any]

    @classmethod
    def from_dict(cls, form: Mapping[str, Any]) -> "Change":
        """Return the change from the form that the command passes to its playbook, without empty limits."""
        return cls(form["action"], form["name"], {key: form[key] for key in _LIMITS if form.get(key)})


def change_problems(
    change: Change, recorded: Recorded, clients: Settings, served: Iterable[str], today: str
) -> list[Problem]:
    """Return why a change is refused.

    `served` are the served model names, empty if they are not known; `today` is the date in UTC as YYYY-MM-DD.
    """
    if change.action == "add":
        return option_problems(change.name, change.limits, today) or _add_problems(
            change, recorded, clients, [*served], today
        )
    if change.name in INTERNAL_CLIENTS:
        return option_problems(change.name, {}, today)
    defined = {client["name"]: client for client in (*clients, *recorded.added)}
    names = sorted({*defined, *recorded.revoked})
    if change.name not in names:
        near = difflib.get_close_matches(change.name, names, n=3, cutoff=0.5)
        remedy = N_("Did you mean {names}?") if near else N_("Choose from {names}.")
        return [
            Problem(
                "unknown-client",
                N_("Client {client} does not exist."),
                remedy,
                client=change.name,
                names=near or names,
            )
        ]
    if change.action == "revoke":
        return []
    if change.name in recorded.revoked:
        return [
            Problem(
                "client-revoked",
                N_("Client {client} is revoked."),
                N_("Admit it again, with a new key: `inferfleet clients add {client}`."),
                client=change.name,
            )
        ]
    if has_ended(defined[change.name], today):
        return [_ended(change.name, end_of_key(defined[change.name]), added=defined[change.name] in recorded.added)]
    if defined[change.name].get("key"):
        return [
            Problem(
                "key-in-inventory",
                N_("The key of client {client} is set in api_clients of the inventory."),
                N_("Change its key there and run `inferfleet up --tags gateway`, or remove its key there first."),
                client=change.name,
            )
        ]
    return []


def _exists(name: str, *, added: bool) -> Problem:
    """Return the problem of a client that is admitted already."""
    return Problem(
        "client-exists",
        N_("Client {client} exists already."),
        N_(
            "Choose another name, give it a new key with `inferfleet clients rotate {client}`, or revoke it and add it"
            " again with other limits."
        )
        if added
        else N_(
            "Choose another name, give it a new key with `inferfleet clients rotate {client}`, or change its limits in"
            " api_clients."
        ),
        client=name,
    )


def _ended(name: str, expires: str, *, added: bool) -> Problem:
    """Return the problem of a client that would also be refused with a new key."""
    return Problem(
        "client-expired",
        N_("Client {client} expired on {expires}: a new key would be refused as well."),
        N_("Revoke it, then add it with a later --expires.")
        if added
        else N_("Set a later day in api_clients, and run `inferfleet up --tags gateway`."),
        client=name,
        expires=expires,
    )


def _add_problems(
    change: Change, recorded: Recorded, clients: Settings, served: Sequence[str], today: str
) -> list[Problem]:
    name, models = change.name, change.limits.get("models", ())
    defined = {client["name"]: client for client in clients}
    if name in (client["name"] for client in recorded.active(clients)):
        return [_exists(name, added=name not in defined)]
    if name in defined and has_ended(defined[name], today):
        return [_ended(name, end_of_key(defined[name]), added=False)]
    if change.limits and name in defined:
        return [
            Problem(
                "client-in-inventory",
                N_("Client {client} is defined in api_clients of the inventory, with its models and limits."),
                N_("Omit {options}, and change them there."),
                client=name,
                options=[option_of(key) for key in change.limits],
            )
        ]
    return [
        Problem(
            "unknown-model",
            N_("No service serves model {model}."),
            N_("Choose from the served model names, with an option --models for each: {served}."),
            model=model,
            served=[*served],
        )
        for model in models
        if served and model not in served
    ]


def changed(change: Change, recorded: Recorded, clients: Settings) -> Recorded:
    """Return the record after a change that has no problems."""
    added = tuple(client for client in recorded.added if client["name"] != change.name)
    revoked = tuple(name for name in recorded.revoked if name != change.name)
    if change.action == "revoke":
        return Recorded(added, (*revoked, change.name))
    if change.action == "add":
        own = () if change.name in (client["name"] for client in clients) else ({"name": change.name, **change.limits},)
        return Recorded((*added, *own), revoked)
    return recorded


def generates_key(change: Change, clients: Settings) -> bool:
    """Return whether a change gives the client a new key, as opposed to the one set in the inventory."""
    set_there = any(client["name"] == change.name and client.get("key") for client in clients)
    return change.action in ("add", "rotate") and not set_there


def client_rows(recorded: Recorded, clients: Settings, keys: Mapping[str, str], today: str) -> list[dict[str, Any]]:
    """Return a description of each client, the revoked ones last.

    `keys` has the generated keys that exist; `today` is the date in UTC as YYYY-MM-DD.
    """
    names = {client["name"] for client in clients}
    active = [
        _row(client, keys, names, "expired" if has_ended(client, today) else "active")
        for client in recorded.active(clients)
    ]
    defined = {client["name"]: client for client in clients}
    gone = [_row(defined.get(name, {"name": name}), {}, names, "revoked") for name in recorded.revoked]
    return active + gone


def _row(client: Mapping[str, Any], keys: Mapping[str, str], inventory: set[str], state: str) -> dict[str, Any]:
    key = client.get("key") or keys.get(client["name"], "")
    return {
        "name": client["name"],
        "state": state,
        "source": "inventory" if client["name"] in inventory else "command",
        "models": [*client.get("models", ())],
        "requests_per_minute": client.get("requests_per_minute", 0),
        "max_concurrent": client.get("max_concurrent", 0),
        "expires": end_of_key(client),
        "key_fingerprint": hash_key(key)[:_FINGERPRINT] if key else "",
    }
