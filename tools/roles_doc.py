"""Generate docs/en/roles.md from the roles' argument specs."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[1]
TARGET = ROOT / "docs" / "en" / "roles.md"
_HEAD = """\
# Roles and their variables

Set these variables in `group_vars/all/10_cluster.yml` of the inventory, next to the [settings](settings.md), or for one
run with

    inferfleet up -i inventories/mine -e VARIABLE=VALUE

Most need not be set: their defaults come from the settings and the plan.

This page is generated from each role's `meta/argument_specs.yml` by `make references`; edit those files.
"""
# Ansible's markup in descriptions: C(code), V(value), O(option), I(emphasis), B(bold).
_CODE = re.compile(r"\b[CVO]\(([^)]*)\)")
_EMPHASIS = re.compile(r"\b[IB]\(([^)]*)\)")


def outputs() -> Iterator[tuple[Path, str]]:
    """Yield the generated file with its content."""
    yield TARGET, render(load_specs(ROOT))


def load_specs(root: Path) -> dict[str, dict[str, Any]]:
    """Return the entry points of every role, by role, in alphabetical order."""
    return {
        path.parts[-3]: yaml.safe_load(path.read_text())["argument_specs"]
        for path in sorted(root.glob("roles/*/meta/argument_specs.yml"))
    }


def render(specs: dict[str, dict[str, Any]]) -> str:
    """Return the document."""
    index = "\n".join(
        f"- [{role}](#{role}): {_text(spec['main']['short_description'])}" for role, spec in specs.items()
    )
    return "\n".join([_HEAD, index, "", *("\n".join(_section(role, spec)) for role, spec in specs.items())])


def _section(role: str, entries: dict[str, Any]) -> list[str]:
    spec = entries["main"]
    lines = [f"## {role}", "", f"{_text(spec['short_description'])}.", ""]
    for paragraph in _paragraphs(spec.get("description")):
        lines += [paragraph, ""]
    others = [f"- `{entry}`: {_text(it['short_description'])}." for entry, it in entries.items() if entry != "main"]
    if others:
        lines += ["Other entry points (`tasks_from`):", "", *others, ""]
    for name, option in spec.get("options", {}).items():
        lines += _option(name, option)
    return lines


def _option(name: str, option: dict[str, Any]) -> list[str]:
    facts = [_type(option)]
    if "choices" in option:
        facts.append(f"one of {', '.join(f'`{choice}`' for choice in option['choices'])}")
    facts.append(_default(option))
    if option.get("no_log"):
        facts.append("secret")
    return [f"### `{name}`", "", f"{'; '.join(facts)}.", "", *_joined(_paragraphs(option["description"])), ""]


def _type(option: dict[str, Any]) -> str:
    kind = str(option.get("type", "str"))
    return f"{kind} of {option['elements']}" if "elements" in option else kind


def _default(option: dict[str, Any]) -> str:
    if option.get("required"):
        return "required"
    if "default" not in option:
        return "no default"
    value = option["default"]
    if isinstance(value, str) and value:
        return f"default {_code(value)}"
    text = yaml.safe_dump(value, default_flow_style=True, width=10**6)
    return f"default {_code(text.strip().removesuffix('...').strip())}"  # the YAML document of a scalar ends with dots


def _code(text: str) -> str:
    return f"`` {text} ``" if "`" in text else f"`{text}`"


def _paragraphs(description: str | list[str] | None) -> list[str]:
    items = [description] if isinstance(description, str) else description or []
    return [_text(item) for item in items]


def _joined(paragraphs: list[str]) -> list[str]:
    return "\n\n".join(paragraphs).splitlines()


def _text(markup: str) -> str:
    return _EMPHASIS.sub(r"*\1*", _CODE.sub(r"`\1`", markup)).strip()
