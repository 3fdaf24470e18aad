"""Types and allowed values of the contract's keys, and how a refusal words them."""

import difflib
from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import ValidationError

from inferfleet.inventory.model import HOSTS, Inventory, settings_values
from inferfleet.messages import Problem
from inferfleet.settings.model import SECRETS, Settings

_KINDS = {
    "bool_parsing": "true or false",
    "bool_type": "true or false",
    "int_type": "a whole number",
    "float_type": "a number",
    "string_type": "text (put it in quotes)",
    "string_unicode": "text (put it in quotes)",
    "list_type": "a list",
    "dict_type": "a map of names to values",
}
_BOUNDS = {"greater_than": "more than {gt}", "greater_than_equal": "at least {ge}", "less_than_equal": "at most {le}"}
_IN_HEADERS = ("engine_api_key", "ray_auth_token")
_WORDS = {None: "empty", True: "true", False: "false"}
_SHOWN = 80  # characters of a value


def check_values(inventory: Inventory) -> list[Problem]:
    """Types and allowed values of every contract key, each problem once for all hosts that share it."""
    return inventory.once(
        (host, problem)
        for host in inventory.hosts
        for problem in settings_problems(settings_values(inventory.variables[host]))
    )


def show(name: str, value: Any) -> str:
    """Return a value as messages show it: never a secret, never more than a line."""
    if name in SECRETS:
        return "''" if value == "" else "(not shown)"
    if value is None or isinstance(value, bool):
        return _WORDS[value]
    text = repr(value)
    return text if len(text) <= _SHOWN else text[: _SHOWN - 3] + "..."


def settings_problems(values: Mapping[str, Any]) -> Iterable[Problem]:
    """Yield what is wrong with the values of settings."""
    try:
        Settings.model_validate(values)
    except ValidationError as error:
        for item in error.errors():
            yield _problem(item)
    for name in SECRETS:
        value = values.get(name)
        if not isinstance(value, str):
            continue
        if any(c.isspace() for c in value):
            yield Problem(
                "bad-value",
                f"Variable {name} ({HOSTS}) contains white space, which no header or environment file carries.",
                "Choose a value without white space, or leave it empty to have one generated.",
            )
        elif name in _IN_HEADERS and not (value.isascii() and (value == "" or value.isprintable())):
            yield Problem(
                "bad-value",
                f"Variable {name} ({HOSTS}) contains other characters than ASCII's, which no HTTP header carries.",
                "Choose letters and digits, or leave it empty to have one generated.",
            )


def _nearest(given: Any, expected: str) -> str:
    """Return a question for the value that was probably meant; empty where none is near."""
    values = [word for word in expected.split("'") if word.strip(", or")]
    near = difflib.get_close_matches(given.lower(), values, n=1) if isinstance(given, str) else []
    return f"Did you mean {near[0]}? " if near else ""


def _problem(item: Any) -> Problem:
    name = str(item["loc"][0])
    path = ".".join(str(part) for part in item["loc"] if part != "[key]")
    subject = f"Variable {path} ({HOSTS})"
    value = show(name, item["input"])
    kind, context = item["type"], item.get("ctx", {})
    if kind in _KINDS:
        return Problem(
            "wrong-type",
            f"{subject} is {value}, but must be {_KINDS[kind]}.",
            f"Correct {name} in group_vars/all/10_cluster.yml.",
        )
    if kind == "literal_error":
        return Problem(
            "bad-value",
            f"{subject} is {value}, which is not one of its values.",
            f"{_nearest(item['input'], context['expected'])}Set {name} to {context['expected']}.",
        )
    if kind in _BOUNDS:
        return Problem(
            "bad-value",
            f"{subject} is {value}, which is out of range.",
            f"Set {name} to {_BOUNDS[kind].format(**context)}.",
        )
    if kind == "string_too_short":
        return Problem("bad-value", f"{subject} is empty.", f"Set {name} in group_vars/all/10_cluster.yml.")
    reason, _, remedy = str(context.get("error", item["msg"])).partition("; ")
    return Problem(
        "bad-value",
        f"{subject} is {value}, which {reason}.",
        f"Correct {name}: {remedy}." if remedy else f"Correct {name} in group_vars/all/10_cluster.yml.",
    )
