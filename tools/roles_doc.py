"""Generate roles.md in both languages from the roles' argument specs."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from inferfleet.messages import N_, gettext

ROOT = Path(__file__).resolve().parents[1]
_TITLE = N_("Roles and their variables")
_PLACE = N_("""\
Set these variables in `group_vars/all/10_cluster.yml` of the inventory, next to the [settings](settings.md), or for one
run with""")
_EXAMPLE = "    inferfleet up -i inventories/mine -e VARIABLE=VALUE"
_DEFAULTS = N_("Most need not be set: their defaults come from the settings and the plan.")
_ORIGIN = N_(
    "This page is generated from each role's `meta/argument_specs.yml` by `make references`; edit those files."
)
_ENTRY_POINTS = N_("Other entry points (`tasks_from`):")
_PUNCTUATION = {"en": (": ", "; ", ".", ", "), "zh": ("：", "；", "。", "、")}
"""Colon, semicolon, full stop and the separator of a list, by language."""
# Ansible's markup in descriptions: C(code), V(value), O(option), I(emphasis), B(bold).
_CODE = re.compile(r"\b[CVO]\(((?:[^()]|\([^()]*\))*)\)")
_EMPHASIS = re.compile(r"\b[IB]\(([^)]*)\)")


def outputs() -> Iterator[tuple[Path, str]]:
    """Yield each generated page with its content."""
    specs = load_specs(ROOT)
    for language in _PUNCTUATION:
        yield ROOT / "docs" / language / "roles.md", render(specs, language)


def load_specs(root: Path) -> dict[str, dict[str, Any]]:
    """Return the entry points of every role, by role, in alphabetical order."""
    return {
        path.parts[-3]: yaml.safe_load(path.read_text())["argument_specs"]
        for path in sorted(root.glob("roles/*/meta/argument_specs.yml"))
    }


def descriptions(entries: dict[str, Any]) -> Iterator[str]:
    """Yield the texts of a role's specs that the page shows."""
    for entry, spec in entries.items():
        yield _text(spec["short_description"])
        if entry == "main":
            yield from _paragraphs(spec.get("description"))
            for option in spec.get("options", {}).values():
                yield from _paragraphs(option["description"])


def render(specs: dict[str, dict[str, Any]], language: str) -> str:
    """Return the page in a language."""
    colon = _PUNCTUATION[language][0]
    index = [
        f"- [{role}](#{role}){colon}{gettext(_text(spec['main']['short_description']), language)}"
        for role, spec in specs.items()
    ]
    place, defaults, origin = (gettext(text, language) for text in (_PLACE, _DEFAULTS, _ORIGIN))
    lines = [f"# {gettext(_TITLE, language)}", "", place, "", _EXAMPLE, "", defaults, "", origin, "", *index, ""]
    return "\n".join([*lines, *("\n".join(_section(role, spec, language)) for role, spec in specs.items())])


def _section(role: str, entries: dict[str, Any], language: str) -> list[str]:
    colon, _, stop, _ = _PUNCTUATION[language]
    spec = entries["main"]
    lines = [f"## {role}", "", f"{gettext(_text(spec['short_description']), language)}{stop}", ""]
    for paragraph in _paragraphs(spec.get("description")):
        lines += [gettext(paragraph, language), ""]
    others = [
        f"- `{entry}`{colon}{gettext(_text(it['short_description']), language)}{stop}"
        for entry, it in entries.items()
        if entry != "main"
    ]
    if others:
        lines += [gettext(_ENTRY_POINTS, language), "", *others, ""]
    for name, option in spec.get("options", {}).items():
        lines += _option(name, option, language)
    return lines


def _option(name: str, option: dict[str, Any], language: str) -> list[str]:
    _, semicolon, stop, comma = _PUNCTUATION[language]
    facts = [_type(option)]
    if "choices" in option:
        choices = comma.join(_code(_value(choice)) for choice in option["choices"])
        facts.append(gettext(N_("one of {choices}"), language).format(choices=choices))
    facts.append(_default(option, language))
    if option.get("no_log"):
        facts.append(gettext(N_("secret"), language))
    paragraphs = [gettext(paragraph, language) for paragraph in _paragraphs(option["description"])]
    return [f"### `{name}`", "", f"{semicolon.join(facts)}{stop}", "", *_joined(paragraphs), ""]


def _type(option: dict[str, Any]) -> str:
    """Return the type in Ansible's words, which are the same in both languages."""
    kind = str(option.get("type", "str"))
    return f"{kind} of {option['elements']}" if "elements" in option else kind


def _default(option: dict[str, Any], language: str) -> str:
    if option.get("required"):
        return gettext(N_("required"), language)
    if "default" not in option:
        return gettext(N_("no default"), language)
    return gettext(N_("default {value}"), language).format(value=_code(_value(option["default"])))


def _value(value: Any) -> str:
    if isinstance(value, str) and value:
        return value
    text = yaml.safe_dump(value, default_flow_style=True, width=10**6).strip()
    return text.removesuffix("...").strip()  # the YAML document of a scalar ends with dots


def _code(text: str) -> str:
    return f"`` {text} ``" if "`" in text else f"`{text}`"


def _paragraphs(description: str | list[str] | None) -> list[str]:
    items = [description] if isinstance(description, str) else description or []
    return [_text(item) for item in items]


def _joined(paragraphs: list[str]) -> list[str]:
    return "\n\n".join(paragraphs).splitlines()


def _text(markup: str) -> str:
    return _EMPHASIS.sub(r"*\1*", _CODE.sub(r"`\1`", markup)).strip()
