"""What is wrong with the name and the options of `inferfleet clients` themselves, whatever clients exist."""

from collections.abc import Iterable, Mapping
from typing import Any, cast

from pydantic import TypeAdapter, ValidationError

from inferfleet.gateway.clients import has_ended
from inferfleet.messages import N_, Problem, reason_of
from inferfleet.settings import INTERNAL_CLIENTS, ApiClient
from inferfleet.settings.validators import UnfitValueError


def option_problems(name: str, limits: Mapping[str, Any], today: str) -> list[Problem]:
    """Return the problems of a client's name, models and limits; `today` is the date in UTC as YYYY-MM-DD."""
    if name in INTERNAL_CLIENTS:
        return [
            Problem(
                "internal-client",
                N_("Client {client} belongs to inferfleet itself."),
                N_("Choose another name; `inferfleet clients list` shows your clients."),
                client=name,
            )
        ]
    try:
        TypeAdapter(ApiClient).validate_python({"name": name, **limits})
    except ValidationError as error:
        return [*_invalid(name, limits, error)]
    return [_past(limits["expires"], today)] if has_ended(limits, today) else []


def _invalid(name: str, limits: Mapping[str, Any], error: ValidationError) -> Iterable[Problem]:
    """Yield the problem of each value that is not valid in `api_clients` either."""
    for found in cast("list[dict[str, Any]]", error.errors()):
        if found["loc"][0] == "name":
            yield Problem(
                "bad-client-name",
                N_("{client} is not the name of a client."),
                N_("Use up to 40 lower-case letters, digits, hyphens and underscores, for example chat-app."),
                client=repr(name),
            )
            continue
        option, reason = option_of(str(found["loc"][0])), found.get("ctx", {}).get("error")
        if isinstance(reason, UnfitValueError):
            yield Problem(
                "bad-client-option",
                N_("Option {option} is {value}, which {reason}."),
                N_("Correct it: {remedy}."),
                option=option,
                value=repr(found["input"]),
                reason=reason.reason,
                remedy=reason.remedy,
            )
        else:
            yield Problem(
                "bad-client-option",
                N_("Option {option} is {value}: {reason}."),
                N_("Correct it, or omit the option."),
                option=option,
                value=repr(found["input"]),
                reason=reason_of(found),
            )


def _past(expires: str, today: str) -> Problem:
    return Problem(
        "expired-client",
        N_("Option --expires is {expires}: the key would be refused at once; today is {today} (UTC)."),
        N_("Give a later day, or omit the option for a key without an end."),
        expires=expires,
        today=today,
    )


def option_of(limit: str) -> str:
    """Return the option of a limit."""
    return f"--{limit.replace('_', '-')}"
