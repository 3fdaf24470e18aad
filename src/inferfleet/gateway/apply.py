"""Changes of clients with their files on the controller, and the gateway's map files of all clients."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from inferfleet.gateway.changes import Change, change_problems, changed, client_rows, generates_key
from inferfleet.gateway.clients import CLIENT_MAPS, Served, map_files, read_clients
from inferfleet.gateway.files import SecretFolder
from inferfleet.gateway.recorded import locked, read_recorded, write_recorded
from inferfleet.messages import Problem

Settings = Sequence[Mapping[str, Any]]


def change_clients(
    form: Mapping[str, Any], clients: Settings, secrets: Path, served: Sequence[str], *, check: bool
) -> dict[str, Any] | list[Problem]:
    """Record a change (empty: none) and its key, and return all clients; or return why it is refused.

    Raises:
        BrokenRecordError: the record was changed manually and is invalid.
    """
    folder = SecretFolder(secrets, read_only=check)
    if not form:
        return {"changed": False, "clients": _rows(folder, clients), "client": {}}
    change = Change.from_dict(form)
    with locked(secrets, "clients", check=check):
        recorded = read_recorded(secrets)
        if problems := change_problems(change, recorded, clients, served, _today()):
            return problems
        after = changed(change, recorded, clients)
        new_key = generates_key(change, clients)
        if not check:
            write_recorded(secrets, after)
        if new_key:
            folder.new_client_key(change.name)
        if change.action == "revoke":
            folder.remove_client_key(change.name)
    rows = client_rows(after, clients, _keys(folder, clients, after.added), _today())
    client = next(row for row in rows if row["name"] == change.name)
    client |= {"key_file": str(secrets / folder.client_key_file(change.name)) if new_key else ""}
    return {"changed": after != recorded or new_key, "clients": rows, "client": client}


def client_maps(
    clients: Settings, secrets: Path, backends: Sequence[Served], form: Mapping[str, Any] | None, check: bool
) -> dict[str, str]:
    """Return the content of the map files of all clients by file name; `form` is a change that check mode left out."""
    folder, recorded, renewed = SecretFolder(secrets, read_only=check), read_recorded(secrets), ""
    if form and check:
        change = Change.from_dict(form)
        recorded = changed(change, recorded, clients)
        renewed = change.name if generates_key(change, clients) else ""
    accepted = recorded.accepted(clients)
    keys = folder.client_keys(client["name"] for client in accepted if not client.get("key"))
    if renewed:
        keys[renewed] = folder.new_client_key(renewed)
    maps = map_files(read_clients(accepted, keys), backends)
    return {f"{name}.map": maps[name] for name in CLIENT_MAPS}


def _rows(folder: SecretFolder, clients: Settings) -> list[dict[str, Any]]:
    recorded = read_recorded(folder.path)
    return client_rows(recorded, clients, _keys(folder, clients, recorded.added), _today())


def _keys(folder: SecretFolder, clients: Settings, added: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    return folder.existing_client_keys(client["name"] for client in (*clients, *added))


def _today() -> str:
    return datetime.now(UTC).date().isoformat()
