"""Parse `-e` like ansible-playbook, so that both commands give the same result."""

import json
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from inferfleet.inventory.sources import read_mapping
from inferfleet.messages import N_, Message
from inferfleet.runner.errors import UsageError

MASK = "********"
_SECRET = re.compile(r"(^|_)(pass|password|passphrase|secret|token|key)(_|$)", re.IGNORECASE)
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


_SHOWN = 300
"""Characters of an option in a message."""


@dataclass(frozen=True, slots=True)
class ExtraVars:
    """One `-e` option: a file of variables, or the variables themselves."""

    file: Path | None = None
    values: Mapping[str, Any] | None = None


def parse_extra_vars(options: Sequence[str], start: Path) -> list[ExtraVars]:
    """Return one item per option, in order; `@file` is relative to `start`.

    Raises:
        UsageError: an option is not `key=value`, `@file` or a mapping in JSON or YAML, or its file is not a mapping.
    """
    return [_parse(option.strip(), start) for option in options]


def _parse(option: str, start: Path) -> ExtraVars:
    if option.startswith("@"):
        path = (start / Path(option[1:]).expanduser()).resolve()
        if not path.is_file():
            raise _bad(
                option, N_("file {path} does not exist"), N_("Specify an existing file of variables."), path=str(path)
            )
        read_mapping(path, option[1:])
        return ExtraVars(file=path)
    values = _mapping(option) if option[:1] in ("{", "[") else _pairs(option)
    for name in values:
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise _bad(
                option,
                N_("'{name}' is not a variable name"),
                N_("Use letters, digits and underscores."),
                name=str(name),
            )
    return ExtraVars(values=values)


def _mapping(option: str) -> dict[str, Any]:
    try:
        values = yaml.safe_load(option)
    except (yaml.YAMLError, ValueError, RecursionError) as error:  # a number of 5,000 digits; nested too deeply
        reason = str(getattr(error, "problem", None) or error)
        raise _bad(
            option, N_("it is not valid JSON or YAML ({error})"), N_("Quote it as JSON."), error=reason
        ) from None
    if not isinstance(values, dict):
        raise _bad(option, N_("it is not a mapping"), N_("Write it as '{example}'."), example='{"key": "value"}')
    return values


def _pairs(option: str) -> dict[str, Any]:
    # Imported here: it costs 0.2 s, and most runs have no -e.
    from ansible.errors import AnsibleError  # type: ignore[import-untyped]
    from ansible.parsing.splitter import parse_kv  # type: ignore[import-untyped]

    try:
        values: dict[str, Any] = parse_kv(option)
    except AnsibleError:
        raise _bad(option, N_("its quotes are unbalanced"), N_("Write it as key='a value'.")) from None
    if not values or "_raw_params" in values:
        raise _bad(option, N_("it is not key=value"), N_("Write it as key=value, @file or a JSON mapping."))
    return {name: str(value) for name, value in values.items()}


def _bad(option: str, reason: str, remedy: str, **parameters: str) -> UsageError:
    # The value may be a secret: show only the name.
    name = re.split(r"[=:]", option, maxsplit=1)[0]
    shown = option if option.startswith("@") or name == option else f"{name}=…"
    shown = shown if len(shown) <= _SHOWN else f"{shown[:_SHOWN]}…"
    why = Message("", reason, **parameters)
    return UsageError("bad-extra-vars", N_("-e {option}: {reason}."), remedy, option=shown, reason=why, **parameters)


def is_secret(name: str) -> bool:
    """Return whether a variable of this name contains a secret, such as `engine_api_key`."""
    return _SECRET.search(name) is not None


def shown_extra_vars(item: ExtraVars, root: Path) -> list[str]:
    """Return the `-e` arguments to print, secrets masked and paths below `root` relative to it."""
    if item.file:
        path = item.file.relative_to(root) if item.file.is_relative_to(root) else item.file
        return ["-e", f"@{path}"]
    values = {name: _masked(name, value) for name, value in (item.values or {}).items()}
    if all(isinstance(value, str) and _plain(value) for value in values.values()):
        return [part for name, value in values.items() for part in ("-e", f"{name}={value}")]
    return ["-e", json.dumps(values, ensure_ascii=False, default=str)]


def _masked(name: str, value: Any) -> Any:
    if is_secret(name):
        return MASK
    if isinstance(value, dict):
        return {key: _masked(str(key), inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_masked("", inner) for inner in value]
    return value


def _plain(value: str) -> bool:
    """Return whether Ansible parses `value` unchanged from key=value."""
    return value != "" and "\\" not in value and (value == MASK or shlex.quote(value) == value)


def file_contents(items: Sequence[ExtraVars]) -> list[Path | str]:
    """Return the input of ansible-playbook in order: paths, or JSON text of files to write."""
    return [item.file if item.file else json.dumps(item.values, default=str) for item in items]
