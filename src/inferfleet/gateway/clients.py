"""The clients of the gateway: their keys, models and limits, as HAProxy's map files (one `key value` a line)."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

CLIENT_MAPS = ("keys", "access", "models", "rates", "streams", "expiry")
"""Map files that depend on the clients."""


class Served(Protocol):
    """A model behind the gateway."""

    @property
    def name(self) -> str:
        """Name of its backend."""

    @property
    def model(self) -> str:
        """Name that clients use."""


@dataclass(frozen=True)
class ServedModel:
    """A model behind a deployed gateway."""

    name: str
    model: str


@dataclass(frozen=True)
class Client:
    """A client with its key."""

    name: str
    key: str
    models: tuple[str, ...] = ()
    """Served model names; empty: all."""
    requests_per_minute: int = 0
    max_concurrent: int = 0
    """Requests at the same time. 0 in either limit: unlimited."""
    expires: str = ""
    """First day in UTC, as YYYY-MM-DD, on which the key is refused; empty: never."""


def read_clients(settings: Iterable[Mapping[str, Any]], keys: Mapping[str, str]) -> tuple[Client, ...]:
    """Return the clients of the setting `api_clients`; `keys` has the generated keys by name of the client."""
    return tuple(
        Client(
            name=given["name"],
            key=given.get("key") or keys[given["name"]],
            models=tuple(given.get("models", ())),
            requests_per_minute=given.get("requests_per_minute", 0),
            max_concurrent=given.get("max_concurrent", 0),
            expires=end_of_key(given),
        )
        for given in settings
    )


def end_of_key(given: Mapping[str, Any]) -> str:
    """Return the first day on which the key of a client of `api_clients` is refused; empty: it has no end."""
    return str(given.get("expires", ""))  # a date, where YAML has no quotes


def has_ended(given: Mapping[str, Any], today: str) -> bool:
    """Return whether the key of a client of `api_clients` is refused on a day, YYYY-MM-DD in UTC."""
    return "" < end_of_key(given) <= today


def map_files(clients: Sequence[Client], backends: Sequence[Served]) -> dict[str, str]:
    """Return the content of each map file by its name.

    `keys`: SHA-256 of a key → client. `access`: `client/model` → backend. `models`: client → answer to `/v1/models`.
    `rates`, `streams`: client → its limit. `expiry`: client → end of its key, in seconds since 1970.
    `backends`: backend → model, which only `read_backends` reads.
    """
    allowed = {c.name: [b for b in backends if not c.models or b.model in c.models] for c in clients}
    lines = {
        "keys": [f"{hash_key(c.key)} {c.name}" for c in clients],
        "access": [f"{c.name}/{b.model} {b.name}" for c in clients for b in allowed[c.name]],
        "models": [f"{c.name} {_model_list(allowed[c.name])}" for c in clients],
        "rates": [f"{c.name} {c.requests_per_minute}" for c in clients],
        "streams": [f"{c.name} {c.max_concurrent}" for c in clients],
        "expiry": [f"{c.name} {_seconds(c.expires)}" for c in clients if c.expires],
        "backends": [f"{b.name} {b.model}" for b in backends],
    }
    return {name: "".join(f"{line}\n" for line in content) for name, content in lines.items()}


def read_backends(text: str) -> tuple[ServedModel, ...]:
    """Return the models of a deployed gateway from its map file `backends`."""
    return tuple(ServedModel(*line.split(" ", 1)) for line in text.splitlines())


def hash_key(key: str) -> str:
    """Return what the gateway stores of a key."""
    return hashlib.sha256(key.encode()).hexdigest()


def _seconds(day: str) -> int:
    return int(datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp())


def _model_list(backends: Iterable[Served]) -> str:
    """Return the answer to `/v1/models` in OpenAI's format (platform.openai.com/docs/api-reference/models/list)."""
    models = [{"id": b.model, "object": "model", "created": 0, "owned_by": "inferfleet"} for b in backends]
    return json.dumps({"object": "list", "data": models})
