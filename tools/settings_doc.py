"""Generate group_vars/all/main.yml and docs/en/settings.md in both languages from the settings model."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_origin

import yaml
from pydantic.fields import FieldInfo
from tools.headings import translated_heading

from inferfleet.messages import N_, gettext
from inferfleet.settings import SECTIONS, HostSettings, Settings, Unit, choices

ROOT = Path(__file__).resolve().parents[1]
_DEFAULTS_HEAD = """\
---
# Every setting with its default. Generated from src/inferfleet/settings/model.py by `make references`; edit the model.
# An inventory overrides settings in its own group_vars/all/10_cluster.yml. Types and allowed values are checked before
# anything is changed. The names of your own variables must start with `x_`. Roles have further variables
# (docs/en/roles.md), which an inventory may set too.
"""
_EXAMPLE = """\
```sh
inferfleet plan -i inventories/a800 -e max_model_len=32768
```"""
_TEXTS = (
    N_("Settings"),
    N_("This page is generated from `src/inferfleet/settings/model.py` by `make references`; edit the model."),
    N_("Set them in `group_vars/all/10_cluster.yml` of the inventory, or for a single run with `-e KEY=VALUE`:"),
)
_HOST_VARIABLES = (N_("Host variables"), N_("In `hosts.yml` or `host_vars/` of the inventory."))
_COLUMNS = (N_("Setting"), N_("Values"), N_("Default"), N_("Description"))
_KINDS = {
    str: N_("text"),
    int: N_("integer"),
    float: N_("number"),
    bool: "`true`, `false`",
    list: N_("list"),
    dict: N_("map"),
}
_AND = N_("and")
_SEPARATORS = {"en": ", ", "zh": "、"}
"""Separator of a list, by language."""


def defaults() -> str:
    """Return group_vars/all/main.yml."""
    lines = [_DEFAULTS_HEAD.rstrip()]
    for name, field in Settings.model_fields.items():
        if heading := _headings().get(name):
            lines += ["", f"# --- {heading} {'-' * (98 - len(heading))}"]
        lines += [f"# {_comment(field)}", f"{name}: {_scalar(field.get_default())}"]
    return "\n".join(lines) + "\n"


def document(language: str) -> str:
    """Return the settings page in a language."""
    title, origin, place = (gettext(text, language) for text in _TEXTS)
    lines = [f"# {title}", "", place, "", _EXAMPLE, "", origin]
    for name, field in Settings.model_fields.items():
        if heading := _headings().get(name):
            lines += ["", translated_heading(2, heading, language), "", *_head(language)]
        lines.append(_row(name, field, language))
    title, place = _HOST_VARIABLES
    lines += ["", translated_heading(2, title, language), "", gettext(place, language), "", *_head(language)]
    lines += [_row(name, field, language) for name, field in HostSettings.model_fields.items()]
    return "\n".join(lines) + "\n"


def outputs() -> Iterator[tuple[Path, str]]:
    """Yield each generated file with its content."""
    yield ROOT / "group_vars" / "all" / "main.yml", defaults()
    for language in _SEPARATORS:
        yield ROOT / "docs" / language / "settings.md", document(language)


def _headings() -> dict[str, str]:
    return {first: heading for heading, first in SECTIONS.items()}


def _head(language: str) -> list[str]:
    columns = [gettext(column, language) for column in _COLUMNS]
    return [f"| {' | '.join(columns)} |", "|---|---|---|---|"]


def _row(name: str, field: FieldInfo, language: str) -> str:
    default = _scalar(field.get_default())
    return f"| `{name}` | {_values(field, language)} | `{default}` | {gettext(field.description or '', language)} |"


def _comment(field: FieldInfo) -> str:
    """Return the description with the unit or the allowed values, if it does not contain them."""
    described = field.description or ""
    values = [value or '""' for value in choices(field)]
    if values and not all(value in described for value in values):
        return f"{described} One of {', '.join(values)}."
    return f"{described.removesuffix('.')}, in {_unit(field)}." if _unit(field) else described


def _values(field: FieldInfo, language: str) -> str:
    if values := choices(field):
        return _SEPARATORS[language].join(f"`{value}`" if value else gettext(N_("empty"), language) for value in values)
    kind = get_origin(field.annotation) or field.annotation
    limits = {sign: getattr(item, key) for item in field.metadata for key, sign in _SIGNS.items() if hasattr(item, key)}
    bounds = f" {gettext(_AND, language)} ".join(f"{sign} {limit}" for sign, limit in limits.items())
    unit = gettext(_unit(field), language)
    return " ".join(part for part in (gettext(_KINDS[kind], language), bounds, f"({unit})" if unit else "") if part)


_SIGNS = {"gt": ">", "ge": "≥", "le": "≤"}


def _unit(field: FieldInfo) -> str:
    return next((item.name for item in field.metadata if isinstance(item, Unit)), "")


def _scalar(value: Any) -> str:
    if value == "":
        return '""'
    return yaml.safe_dump(value, default_flow_style=True, width=1000).removesuffix("...\n").strip()
