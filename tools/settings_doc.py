#!/usr/bin/env python3
"""Write what derives from the settings model, group_vars/all/main.yml and docs/settings.md; `--check` only compares."""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_origin

import yaml
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from inferfleet.settings import SECTIONS, HostSettings, Settings, Unit, choices

ROOT = Path(__file__).resolve().parents[1]
_DEFAULTS_HEAD = """\
---
# Every setting with its default, written by tools/settings_doc.py from src/inferfleet/settings/model.py; edit that, not
# this file. An inventory overrides settings in its own group_vars/all/10_cluster.yml. Types and allowed values are
# checked before anything is changed. A variable of your own starts with `x_`. Roles have further variables
# (docs/roles.md); those too may be set in an inventory.
"""
_DOC_HEAD = """\
# Settings

Written by `tools/settings_doc.py` from `src/inferfleet/settings/model.py`; edit that, not this file.

Set them in `group_vars/all/10_cluster.yml` of the inventory, or for one run with `-e KEY=VALUE`:

```sh
inferfleet plan -i inventories/a800 -e max_model_len=32768
```
"""


def defaults() -> str:
    """Return group_vars/all/main.yml."""
    lines = [_DEFAULTS_HEAD.rstrip()]
    for name, field in Settings.model_fields.items():
        if heading := _headings().get(name):
            lines += ["", f"# --- {heading} {'-' * (98 - len(heading))}"]
        lines += [f"# {_comment(field)}", f"{name}: {_scalar(field.get_default())}"]
    return "\n".join(lines) + "\n"


def document() -> str:
    """Return docs/settings.md."""
    lines = [_DOC_HEAD.rstrip()]
    for name, field in Settings.model_fields.items():
        if heading := _headings().get(name):
            lines += ["", f"## {heading}", "", *_head()]
        lines.append(_row(name, field))
    lines += ["", "## One host", "", "In `hosts.yml` or `host_vars/` of the inventory.", "", *_head()]
    lines += [_row(name, field) for name, field in HostSettings.model_fields.items()]
    return "\n".join(lines) + "\n"


def outputs() -> Iterator[tuple[Path, str]]:
    """Yield each generated file with its content."""
    yield ROOT / "group_vars" / "all" / "main.yml", defaults()
    yield ROOT / "docs" / "settings.md", document()


def _headings() -> dict[str, str]:
    return {first: heading for heading, first in SECTIONS.items()}


def _head() -> list[str]:
    return ["| Setting | Values | Default | Description |", "|---|---|---|---|"]


def _row(name: str, field: FieldInfo) -> str:
    default = _scalar(field.get_default())
    return f"| `{name}` | {_values(field)} | `{default}` | {field.description} |"


def _comment(field: FieldInfo) -> str:
    """Return the description with what it leaves out: the unit, or the values that are allowed."""
    described = field.description or ""
    values = [value or '""' for value in choices(field)]
    if values and not all(value in described for value in values):
        return f"{described} One of {', '.join(values)}."
    return f"{described.removesuffix('.')}, in {_unit(field)}." if _unit(field) else described


def _values(field: FieldInfo) -> str:
    if values := choices(field):
        return ", ".join(f"`{value}`" if value else "empty" for value in values)
    kind = get_origin(field.annotation) or field.annotation
    names = {str: "text", int: "integer", float: "number", bool: "true, false", list: "list", dict: "map"}
    limits = {sign: getattr(item, key) for item in field.metadata for key, sign in _SIGNS.items() if hasattr(item, key)}
    bounds = " and ".join(f"{sign} {limit}" for sign, limit in limits.items())
    return " ".join(part for part in (names[kind], bounds, f"({_unit(field)})" if _unit(field) else "") if part)


_SIGNS = {"gt": ">", "ge": "≥", "le": "≤"}


def _unit(field: FieldInfo) -> str:
    return next((item.name for item in field.metadata if isinstance(item, Unit)), "")


def _scalar(value: Any) -> str:
    if value == "":
        return '""'
    return yaml.safe_dump(value, default_flow_style=True, width=1000).removesuffix("...\n").strip()


def _undescribed(model: type[BaseModel]) -> list[str]:
    return [name for name, field in model.model_fields.items() if not field.description]


def main() -> int:
    """Write the files, or compare them; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit with 1 where a file differs")
    options = parser.parse_args()
    if undescribed := _undescribed(Settings) + _undescribed(HostSettings):
        print(f"no description: {', '.join(undescribed)}", file=sys.stderr)
        return 1
    differing = [path for path, text in outputs() if not path.is_file() or path.read_text("utf-8") != text]
    for path, text in outputs():
        if path in differing and not options.check:
            path.write_text(text, "utf-8")
    if options.check and differing:
        print(f"run tools/settings_doc.py: {', '.join(str(p.relative_to(ROOT)) for p in differing)} differs")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
