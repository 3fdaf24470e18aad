"""Generate options.md in both languages: every command with its options, from the command-line application."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields
from enum import StrEnum
from pathlib import Path
from typing import Any

import typer
from tools.headings import anchor_of, translated_heading

from inferfleet.cli.app import make_app
from inferfleet.cli.options import RunOptions
from inferfleet.cli.registry import Command, Group, discover
from inferfleet.messages import N_, gettext

DOCS = Path(__file__).resolve().parents[1] / "docs"
_TITLE = N_("Options of the command line")
_EXAMPLE = "    inferfleet up --help"
_PURPOSE = N_("Look up a command and its options; `--help` prints the same on the terminal:")
_ORIGIN = N_("""\
[Command line](cli.md) describes what the commands do and what their output means. This page is generated from
`src/inferfleet/cli/commands/` by `make references`.""")
_SHARED = N_("Options of several commands")
_SHARED_NOTE = N_("The sections of the commands below name the groups that they have.")
_GROUPS_OF = N_("Also: {groups}.")
_COLUMNS = (N_("Option"), N_("Meaning"))
_CHOICES, _DEFAULT, _REQUIRED = N_("One of {values}."), N_("Default: {value}."), N_("Required.")
_VARIABLE = N_("Environment variable: {name}.")

Option = Any
"""An option or argument of typer, whose classes are private."""


def outputs() -> Iterator[tuple[Path, str]]:
    """Yield each generated page with its content."""
    for language in ("en", "zh"):
        yield DOCS / language / "options.md", render(language)


def render(language: str) -> str:
    """Return the page in a language."""
    application = typer.main.get_command(make_app())
    title, purpose, origin, note = (gettext(text, language) for text in (_TITLE, _PURPOSE, _ORIGIN, _SHARED_NOTE))
    lines = [f"# {title}", "", purpose, "", _EXAMPLE, "", origin, ""]
    lines += [translated_heading(2, "inferfleet", language), "", *_table(_shown(application), language)]
    lines += [translated_heading(2, _SHARED, language), "", note, ""]
    shared = _shared(application.commands["up"])  # type: ignore[attr-defined]
    for panel, options in shared.items():
        lines += [translated_heading(3, panel, language), "", *_table(options, language)]
    for command, registered in _commands(application):
        lines += _command(command, registered, shared, language)
    return "\n".join(lines)


def _commands(application: Any) -> Iterator[tuple[Command, Any]]:
    for item in discover():
        registered = application.commands[item.name]
        if isinstance(item, Group):
            for command in item.commands:
                yield command, registered.commands[command.name.split()[-1]]
        else:
            yield item, registered


def _command(command: Command, registered: Any, shared: Mapping[str, list[Option]], language: str) -> list[str]:
    known = {key: panel for panel, options in shared.items() for option in options for key in [_key(option)]}
    shown = _shown(registered)
    mine = {known[_key(option)] for option in shown if _key(option) in known}
    complete = [panel for panel in shared if panel in mine and _has_all(shown, shared[panel])]
    own = [option for option in shown if known.get(_key(option)) not in complete]
    lines = [f"## {command.name}", ""]
    for paragraph in command.help:
        lines += [gettext(paragraph, language), ""]
    lines += _table(own, language) if own else []
    if complete:
        links = [f"[{gettext(panel, language)}](#{anchor_of(panel)})" for panel in complete]
        groups = {"en": ", ", "zh": "、"}[language].join(links)
        lines += [gettext(_GROUPS_OF, language).format(groups=groups), ""]
    for line, comment in command.examples:
        lines.append(f"    {line}" + (f"  # {gettext(comment, language)}" if comment else ""))
    return [*lines, ""] if command.examples else lines


def _shared(command: Any) -> dict[str, list[Option]]:
    """Return the options that commands which run a playbook share, by group."""
    names = {field.name for field in fields(RunOptions)}
    groups: dict[str, list[Option]] = {}
    for option in _shown(command):
        if option.name in names:
            groups.setdefault(option.rich_help_panel, []).append(option)
    return groups


def _shown(command: Any) -> list[Option]:
    return [option for option in command.params if not getattr(option, "hidden", False) and option.name != "help"]


def _has_all(options: Sequence[Option], group: Sequence[Option]) -> bool:
    return {_key(option) for option in group} <= {_key(option) for option in options}


def _key(option: Option) -> tuple[Any, ...]:
    return (*option.opts, option.help, option.required)


def _table(options: Sequence[Option], language: str) -> list[str]:
    head = f"| {' | '.join(gettext(column, language) for column in _COLUMNS)} |"
    rows = [f"| {_names(option)} | {_meaning(option, language)} |" for option in options]
    return [head, "|---" * len(_COLUMNS) + "|", *rows, ""]


def _names(option: Option) -> str:
    if option.param_type_name == "argument":
        return f"`{option.metavar or option.name.upper()}`"
    values = type(option.default) if isinstance(option.default, StrEnum) else ()
    metavar = "" if option.is_flag or option.count else option.metavar or "|".join(values)
    *others, last = sorted(option.opts, key=len)
    names = [*others, f"{last} {metavar}".strip(), *option.secondary_opts]
    return ", ".join(f"`{name}`".replace("|", "\\|") for name in names)


def _meaning(option: Option, language: str) -> str:
    text, *choices = (option.help or "").split("\n")
    comma = {"en": ", ", "zh": "、"}[language]
    listed = [comma.join(f"`{value}`" for value in line.split(", ")) for line in choices]
    parts = [gettext(text, language), *(gettext(_CHOICES, language).format(values=values) for values in listed)]
    default = option.default
    if isinstance(option.show_default, str):
        default = gettext(option.show_default, language)
        parts.append(gettext(_DEFAULT, language).format(value=default))
    elif option.show_default and not callable(default) and default not in (None, False, "", [], ()):
        value = default.value if isinstance(default, StrEnum) else default
        parts.append(gettext(_DEFAULT, language).format(value=f"`{value}`"))
    if option.required:
        parts.append(gettext(_REQUIRED, language))
    if option.envvar:
        parts.append(gettext(_VARIABLE, language).format(name=f"`{option.envvar}`"))
    return {"en": " ", "zh": ""}[language].join(parts).replace("|", "\\|")
