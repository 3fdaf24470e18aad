"""Role options, which an inventory may set in addition to the settings."""

import re
from collections.abc import Iterable, Mapping
from functools import cache
from math import inf, isfinite
from pathlib import Path
from typing import Any

import yaml

from inferfleet.inventory.model import HOSTS, Inventory
from inferfleet.inventory.values import show
from inferfleet.messages import N_, Message, Problem
from inferfleet.settings.validators import UnfitValueError, data_path

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@cache
def role_options(root: Path) -> dict[str, dict[str, Any]]:
    """Return the options of all roles of the checkout at `root`, by name, from their argument specs."""
    options: dict[str, dict[str, Any]] = {}
    for path in sorted(root.glob("roles/*/meta/argument_specs.yml")):
        specs = yaml.load(path.read_text("utf-8"), Loader=_Loader)["argument_specs"]
        options |= specs["main"].get("options", {})
    return options


def is_node_folder(option: Mapping[str, Any]) -> bool:
    """Return whether a role variable is a folder on the nodes, which is independent of other settings."""
    return option.get("type") == "path" and str(option.get("default", "")).startswith("/")


def check_options(inventory: Inventory) -> list[Problem]:
    """Validate the role variables of an inventory with Ansible's argument spec validator."""
    options = inventory.options or {}
    return inventory.group_by_problem(
        (host, problem)
        for host, values in inventory.variables.items()
        for name in options
        if name in values
        for problem in _problems(name, options[name], values[name], inventory.places(name))
    )


def _problems(name: str, option: Mapping[str, Any], value: object, places: Message | list[str]) -> Iterable[Problem]:
    spec = {key: option[key] for key in _SPEC_KEYS if key in option}
    if not spec or _is_valid(name, spec, value):
        if is_node_folder(option):
            yield from _path_problem(name, value)
        yield from _range_problem(name, option, value, places)
        return
    shown = Message("", N_("(not shown)")) if option.get("no_log") else show(name, value)
    yield _wrong(name, shown, _kind(spec), places)


def _is_valid(name: str, spec: Mapping[str, Any], value: object) -> bool:
    from ansible.module_utils.common.arg_spec import ArgumentSpecValidator  # type: ignore[import-untyped]

    try:
        return not ArgumentSpecValidator({name: spec}).validate({name: value}).error_messages
    except OverflowError:  # infinity is no integer
        return False


def _wrong(name: str, shown: str | Message, kind: Message, places: Message | list[str]) -> Problem:
    return Problem(
        "bad-role-variable",
        N_("Variable {name} ({hosts}) is {value}, but must be {kind}."),
        N_("Correct it in {places}; docs/en/roles.md describes every role's variables."),
        name=name,
        places=places,
        hosts=HOSTS,
        value=shown,
        kind=kind,
    )


def _path_problem(name: str, value: object) -> Iterable[Problem]:
    """Yield the problem of a path that is not suitable for data."""
    try:
        data_path(str(value))
    except UnfitValueError as error:
        yield Problem(
            "bad-role-variable",
            N_("Variable {name} ({hosts}) is {value}, which {reason}."),
            N_("Correct {setting}: {remedy}."),
            name=name,
            setting=name,
            hosts=HOSTS,
            value=show(name, value),
            reason=error.reason,
            remedy=error.remedy,
        )


def _range_problem(
    name: str, option: Mapping[str, Any], value: object, places: Message | list[str]
) -> Iterable[Problem]:
    """Yield the problem of a number out of range, or of a size that Docker cannot read."""
    if value is None:
        return  # its role validates it, with the variables that are required
    least, most = _least(name, option), 65535.0 if name.endswith("_port") else 1.0 if name.endswith("_share") else inf
    if option.get("type") in ("int", "float"):
        number = float(value if isinstance(value, int | float) else str(value))
        valid = least <= number <= most or name in _MAY_BE_NEGATIVE
        expected = Message("", N_("at least {least:g}"), least=least)
        if not isfinite(number):
            valid, expected = False, _kind(option)
        elif most < inf:
            expected = Message("", N_("from {least:g} to {most:g}"), least=least, most=most)
    elif name.endswith("_max_size"):
        valid, expected = bool(_SIZE.fullmatch(str(value))), Message("", N_("a size like 100m or 1g"))
    else:
        return
    if not valid:
        yield _wrong(name, show(name, value), expected, places)


def _least(name: str, option: Mapping[str, Any]) -> float:
    """Return the lowest value of a number: 0 only if it is the default, selects nothing or is a threshold."""
    default = option.get("default")
    positive = option.get("type") == "int" and isinstance(default, int) and default > 0
    return float((positive or name.endswith(_POSITIVE)) and default != 0 and name not in _MAY_BE_ZERO)


def _kind(spec: Mapping[str, Any]) -> Message:
    """Return the required type or values of a variable, from its spec."""
    if "choices" in spec:
        return Message("", N_("one of {choices}"), choices=[str(choice) for choice in spec["choices"]])
    if "elements" in spec:
        return Message("", N_("a list whose items are {kind}"), kind=Message("", _KINDS[spec["elements"]]))
    return Message("", _KINDS[spec.get("type", "str")])


_SIZE = re.compile(r"[1-9]\d*(?:[kmg]i?)?b?", re.I)  # Docker's --log-opt max-size
_POSITIVE = ("_port", "_max_tokens")  # also where the default is an expression
_MAY_BE_ZERO = ("doctor_keep", "preflight_image_space_gib")
_MAY_BE_NEGATIVE = ("evaluate_top_k",)  # engines read -1 as no limit
_SPEC_KEYS = ("type", "choices", "elements", "options", "required")
_KINDS = {
    "bool": N_("true or false"),
    "dict": N_("a mapping"),
    "float": N_("a number"),
    "int": N_("an integer"),
    "list": N_("a list"),
    "path": N_("a path"),
    "str": N_("text"),
}
