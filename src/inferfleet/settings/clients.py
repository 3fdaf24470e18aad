"""Clients of the gateway, as setting `api_clients` lists them."""

import re
from datetime import date, datetime
from typing import Annotated, NotRequired

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, with_config
from typing_extensions import TypedDict  # pydantic requires this one before Python 3.12

from inferfleet.messages import N_
from inferfleet.settings.validators import UnfitValueError
from inferfleet.settings.values import Count, Word

INTERNAL_CLIENTS = ("open-webui", "verify")
"""Clients of the gateway that inferfleet itself needs: they exist in addition to `api_clients`."""


_Limit = Annotated[Count, Field(le=1_000_000_000)]  # HAProxy counts requests in 32 bits


def _client_name(value: str) -> str:
    if value in INTERNAL_CLIENTS:
        raise UnfitValueError(
            N_("is the name of a client that inferfleet itself uses"), N_("choose another name, for example chat-app")
        )
    if not re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,39}", value):  # also the name of a file, and a key of HAProxy's tables
        raise UnfitValueError(
            N_("is not the name of a client"),
            N_("use up to 40 lower-case letters, digits, hyphens and underscores, for example chat-app"),
        )
    return value


def _client_key(value: str) -> str:
    if value and not re.fullmatch(r"[A-Za-z0-9._~+/=-]{16,200}", value):  # RFC 6750, 2.1: b64token
        raise UnfitValueError(
            N_("is not a key of 16 to 200 letters, digits and the characters . _ ~ + / = -"),
            N_("choose such a key, or leave it empty to generate one"),
        )
    return value


def _as_text(value: object) -> object:
    """Return a date as YAML writes it: without quotes it is one."""
    return value.isoformat() if isinstance(value, date) and not isinstance(value, datetime) else value


def _day(value: str) -> str:
    try:
        valid = date.fromisoformat(value).isoformat() == value
    except ValueError:
        valid = False
    if not valid:
        raise UnfitValueError(N_("is not a date"), N_("use year, month and day, for example 2027-01-31"))
    return value


@with_config(ConfigDict(extra="forbid", strict=True))
class ApiClient(TypedDict):
    """A client of the gateway."""

    name: Annotated[str, AfterValidator(_client_name)]
    models: NotRequired[list[Word]]
    requests_per_minute: NotRequired[_Limit]
    max_concurrent: NotRequired[_Limit]
    expires: NotRequired[Annotated[str, BeforeValidator(_as_text), AfterValidator(_day)]]
    key: NotRequired[Annotated[str, AfterValidator(_client_key)]]


def _clients(value: list[ApiClient]) -> list[ApiClient]:
    names = [client["name"] for client in value]
    keys = [client["key"] for client in value if client.get("key")]
    if not names:
        raise UnfitValueError(N_("names no client"), N_("list at least one client with its name"))
    if len({*names}) < len(names):
        raise UnfitValueError(N_("names a client twice"), N_("give each client a different name"))
    if len({*keys}) < len(keys):
        raise UnfitValueError(N_("gives two clients the same key"), N_("give each client its own key"))
    return value


ApiClients = Annotated[list[ApiClient], AfterValidator(_clients)]
