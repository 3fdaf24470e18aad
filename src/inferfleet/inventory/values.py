"""Types and allowed values of the settings."""

import difflib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from math import isfinite, isnan
from typing import Any

from pydantic import BaseModel, ValidationError

from inferfleet.inventory.model import CLUSTER_FILE, HOSTS, Inventory, settings_values
from inferfleet.messages import N_, Message, Problem, reason_of
from inferfleet.settings.model import (
    HOST_KEYS,
    MAX_PASSWORD_BYTES,
    MIN_SECRET_LENGTH,
    SECRETS,
    WITH_SECRETS,
    HostSettings,
    Settings,
)
from inferfleet.settings.validators import UnfitValueError
from inferfleet.settings.values import choices

_BOOL, _TEXT = N_("true or false"), N_("text (put it in quotes)")
_KINDS = {
    "bool_parsing": _BOOL,
    "bool_type": _BOOL,
    "int_type": N_("an integer"),
    "float_type": N_("a number"),
    "string_type": _TEXT,
    "string_unicode": _TEXT,
    "list_type": N_("a list"),
    "dict_type": N_("a mapping"),
}
"""Required type of a value, by the type of pydantic's error."""
_BOUNDS = {
    "greater_than": ("gt", N_("more than {bound}")),
    "greater_than_equal": ("ge", N_("at least {bound}")),
    "less_than_equal": ("le", N_("at most {bound}")),
}
"""Key of the bound in the context of pydantic's error, and its description, by the type of the error."""
_IN_HEADERS = ("engine_api_key", "ray_auth_token")
_CREDENTIALS = re.compile(r"^(\W*\w+:/{1,2}).*@(?!sha\d+:)|^(\W*)[^:]*:.*@(?!sha\d+:)")
"""User name and password of a possibly malformed URL; greedy, since a password may contain any character."""
_COMMON = re.compile(r"(?:p[a@]ssw[o0]rd|changeme|12345678|qwerty|admin|secret|inferfleet|deepseek)[\W\d]*$", re.I)
_LEAST_DISTINCT = 4
"""Different characters of a secret."""
_SHOWN = 80  # characters of a value
_PUBLIC_PARTS = ("name", "requests_per_minute", "max_concurrent", "expires")
"""Parts of a setting with secrets that are shown."""


def check_values(inventory: Inventory) -> list[Problem]:
    """Check types and allowed values of all settings; each problem is returned once for all affected hosts."""
    return inventory.group_by_problem(
        (host, problem)
        for host in inventory.hosts
        for values in [inventory.variables[host]]
        for problem in (
            *settings_problems(settings_values(values), inventory.places),
            *_host_problems(values, inventory.places),
        )
    )


def show(name: str, value: Any) -> str | Message:
    """Return a value for a message: secrets hidden, shortened to one line."""
    if name in SECRETS or name in WITH_SECRETS:
        return "''" if value == "" else Message("", N_("(not shown)"))
    if value is None:
        return Message("", N_("empty"))
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and not isfinite(value):
        return ".nan" if isnan(value) else f"{'-' if value < 0 else ''}.inf"  # as YAML spells them
    plain = value if isinstance(value, str | int | float | list | dict) else str(value)  # no Python names, as of a date
    text = _CREDENTIALS.sub(r"\1\2(hidden)@", repr(plain))
    return text if len(text) <= _SHOWN else text[: _SHOWN - 3] + "..."


def _host_problems(values: Mapping[str, Any], places: Callable[[str], Message | list[str]]) -> Iterable[Problem]:
    """Yield the problems of the settings of one host; its address is checked with the cluster network."""
    names = [name for name in HOST_KEYS if name != "cluster_address" and values.get(name) is not None]
    yield from _invalid(HostSettings, {name: values[name] for name in names}, places)


def _invalid(
    model: type[BaseModel], values: Mapping[str, Any], places: Callable[[str], Message | list[str]]
) -> Iterable[Problem]:
    try:
        model.model_validate(values)
    except ValidationError as error:
        for item in error.errors():
            yield _problem(item, places(str(item["loc"][0])))


def settings_problems(
    values: Mapping[str, Any], places: Callable[[str], Message | list[str]] = lambda name: [CLUSTER_FILE]
) -> Iterable[Problem]:
    """Yield the problems of settings, which are set in `places`; the caller fills in the parameter `hosts`."""
    yield from _invalid(Settings, values, places)
    for name in SECRETS:
        value = values.get(name)
        if not isinstance(value, str):
            continue
        if any(c.isspace() for c in value):
            yield Problem(
                "bad-value",
                N_(
                    "Variable {name} ({hosts}) contains whitespace, which HTTP headers and environment files do not"
                    " allow."
                ),
                N_("Choose a value without whitespace, or leave it empty to generate one."),
                name=name,
                setting=name,
                hosts=HOSTS,
            )
        elif name in _IN_HEADERS and not (value.isascii() and (value == "" or value.isprintable())):
            yield Problem(
                "bad-value",
                N_(
                    "Variable {name} ({hosts}) contains non-ASCII or unprintable characters, which HTTP headers do not"
                    " allow."
                ),
                N_("Choose letters and digits, or leave it empty to generate one."),
                name=name,
                setting=name,
                hosts=HOSTS,
            )
        elif len(value.encode()) > MAX_PASSWORD_BYTES and name.endswith("password"):
            yield Problem(
                "bad-value",
                N_("Variable {name} ({hosts}) is too long: it has more than {most} bytes, the limit of bcrypt."),
                N_("Choose a shorter value, or leave it empty to generate one."),
                name=name,
                setting=name,
                most=MAX_PASSWORD_BYTES,
                hosts=HOSTS,
            )
        elif len(value) >= MIN_SECRET_LENGTH and _guessable(value):
            yield Problem(
                "bad-value",
                N_("Variable {name} ({hosts}) is easy to guess: it is a common password or repeats a few characters."),
                N_("Choose another value, or leave it empty to generate one."),
                name=name,
                setting=name,
                hosts=HOSTS,
            )
        elif 0 < len(value) < MIN_SECRET_LENGTH:
            yield Problem(
                "bad-value",
                N_("Variable {name} ({hosts}) is too short: it has fewer than {least} characters."),
                N_("Choose a longer value (in quotes if it contains #), or leave it empty to generate one."),
                name=name,
                setting=name,
                least=MIN_SECRET_LENGTH,
                hosts=HOSTS,
            )


def _guessable(secret: str) -> bool:
    return len(set(secret)) < _LEAST_DISTINCT or bool(_COMMON.match(secret))


def _problem(item: Any, places: Message | list[str]) -> Problem:
    """Return the problem described by an error of pydantic."""
    setting = str(item["loc"][0])
    path = ".".join(str(part) for part in item["loc"] if part != "[key]")
    kind, context = item["type"], item.get("ctx", {})
    part = str(item["loc"][-1])
    public = setting in WITH_SECRETS and part in _PUBLIC_PARTS and not isinstance(item["input"], dict)
    about = {
        "name": path,
        "setting": setting,
        "value": show(part if public else setting, item["input"]),
        "hosts": HOSTS,
    }
    correct = N_("Correct {setting} in {places}.")
    if kind in _KINDS:
        template = N_("Variable {name} ({hosts}) is {value}, but must be {kind}.")
        return Problem("wrong-type", template, correct, kind=Message("", _KINDS[kind]), places=places, **about)
    if kind == "literal_error":
        return _not_a_choice(choices(Settings.model_fields[setting]), item["input"], about)
    if kind in _BOUNDS:
        key, bound = _BOUNDS[kind]
        return Problem(
            "bad-value",
            N_("Variable {name} ({hosts}) is {value}, which is out of range."),
            N_("Set {setting} to {bound}."),
            bound=Message("", bound, bound=context[key]),
            **{**about, "setting": path},
        )
    if kind == "string_too_short":
        template = N_("Variable {name} ({hosts}) is empty.")
        return Problem("bad-value", template, N_("Set {setting} in {places}."), places=places, **about)
    error = context.get("error")
    if isinstance(error, UnfitValueError):
        return Problem(
            "bad-value",
            N_("Variable {name} ({hosts}) is {value}, which {reason}."),
            N_("Correct {setting}: {remedy}."),
            reason=error.reason,
            remedy=error.remedy,
            **about,
        )
    template = N_("Variable {name} ({hosts}) is {value}, which is invalid: {reason}.")
    return Problem("bad-value", template, correct, reason=reason_of(item), places=places, **about)


def _not_a_choice(values: Sequence[str], given: Any, about: Mapping[str, Any]) -> Problem:
    near = difflib.get_close_matches(given.lower(), values, n=1) if isinstance(given, str) else []
    *others, last = map(repr, values)
    template = N_("Variable {name} ({hosts}) is {value}, which is not an allowed value.")
    parameters = {**about, "values": others, "last": last}
    if near:
        remedy = N_("Did you mean {near}? Set {setting} to {values} or {last}.")
        return Problem("bad-value", template, remedy, near=near[0], **parameters)
    return Problem("bad-value", template, N_("Set {setting} to {values} or {last}."), **parameters)
