"""The language of the command line: its option, and the texts and errors of typer."""

import difflib
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from rich.text import Text
from typer import rich_utils

from inferfleet.cli.output.text import tr
from inferfleet.messages import N_, Message, Problem, language_from, reason_of
from inferfleet.messages.language import LANGUAGES

OPTION = "--lang"
_WORDS = {
    "ARGUMENTS_PANEL_TITLE": N_("Arguments"),
    "COMMANDS_PANEL_TITLE": N_("Commands"),
    "DEFAULT_STRING": N_("[default: {}]"),
    "ENVVAR_STRING": N_("[env var: {}]"),
    "ERRORS_PANEL_TITLE": N_("Error"),
    "OPTIONS_PANEL_TITLE": N_("Options"),
    "REQUIRED_LONG_STRING": N_("[required]"),
    "RICH_HELP": N_("Try [blue]'{command_path} {help_option}'[/] for help."),
}
"""Constants that typer reads when it prints."""
TYPER_TEXTS = (N_("[OPTIONS]"), N_("COMMAND [ARGS]..."), N_("Show this message and exit."))
"""Texts of typer that the application translates when it prints help."""


def extract_language(arguments: Sequence[str], environment: Mapping[str, str]) -> tuple[str, list[str], Problem | None]:
    """Return the language, and the arguments without the language option, which may be at any position.

    An unsupported language is a problem, reported in the language of the environment.
    """
    rest, named = [], ""
    given = iter(arguments)
    for argument in given:
        name, sign, value = argument.partition("=")
        if argument == "--":
            rest += [argument, *given]
        elif name == OPTION:
            named = value if sign else next(given, "-")
        else:
            rest.append(argument)
    language = named.lower().replace("-", "_").partition("_")[0]
    if named and language not in LANGUAGES:
        problem = Problem(
            "bad-language",
            N_("Option --lang is '{language}'."),
            N_("Give one of {languages}."),
            language=named,
            languages=list(LANGUAGES),
        )
        return language_from("", environment), rest, problem
    return language_from(language, environment), rest, None


class _Folding(rich_utils.OptionHighlighter):
    """Highlights options, and folds long lines of Chinese, which have no spaces, instead of truncating them."""

    def __call__(self, text: str | Text) -> Text:
        highlighted = super().__call__(text)
        highlighted.overflow = "fold"
        return highlighted


def translate_typer() -> None:
    """Let typer print its own texts in the language of the process."""
    rich_utils.highlighter = _Folding()
    for name, word in _WORDS.items():
        setattr(rich_utils, name, tr(word))


def usage_error(error: Any) -> Message:
    """Return the message of a usage error of typer; literal text if typer does not build it from data."""
    option = getattr(error, "option_name", "")
    hint = _hint(error)
    match type(error).__name__:
        case "MissingParameter" if not hint.startswith("'-"):
            return Message("", N_("Missing argument {argument}."), argument=error.param.metavar or error.param.name)
        case "MissingParameter":
            return Message("", N_("Missing option {option}."), option=hint)
        case "NoSuchOption" if hasattr(error.ctx.command, "commands"):
            text = N_("No such option: {option}. The options of a command are written after it.")
            return Message("", text, option=option)
        case "NoSuchOption" if near := _similar(option, error.possibilities or ()):
            return Message(
                "", N_("No such option: {option} (possible options: {options})"), option=option, options=near
            )
        case "NoSuchOption":
            return Message("", N_("No such option: {option}"), option=option)
        case "BadOptionUsage":
            known = next((item for item in error.ctx.command.params if option in item.opts), None)
            if known is not None and getattr(known, "is_flag", False):
                return Message("", N_("Option '{option}' does not take a value."), option=option)
            if known is not None and known.nargs > 1:
                texts = N_("Option '{option}' requires {number} arguments.")
                return Message("", texts, option=option, number=known.nargs)
            return Message("", N_("Option '{option}' requires an argument."), option=option)
        case "BadParameter":
            reason = _reason(error)
            return Message("", N_("Invalid value for {option}: {reason}"), option=hint, reason=reason)
    return Message("", "{text}", text=error.format_message())


def _similar(option: str, possibilities: Iterable[str]) -> list[str]:
    """Return the options with similar names; typer compares them with their hyphens, so that short ones all are."""
    names = {name.lstrip("-"): name for name in possibilities}
    return sorted(names[near] for near in difflib.get_close_matches(option.lstrip("-"), names))


def _hint(error: Any) -> str:
    parameter = getattr(error, "param", None)
    if getattr(error, "param_hint", None):
        return str(error.param_hint)
    if parameter is None:
        return ""
    names = " / ".join(f"'{name}'" for name in sorted(parameter.opts, key=len))
    variable = getattr(parameter, "envvar", None)
    return str(Message("", N_("{names} (env var: {variable})"), names=names, variable=variable)) if variable else names


def _reason(error: Any) -> Message | str:
    errors: Callable[[], list[dict[str, Any]]] | None = getattr(error.__cause__, "errors", None)
    first = errors()[0] if errors else {}
    value = str(first.get("input", ""))
    reason = reason_of(first) if first else ""
    if isinstance(reason, Message):
        return Message("", N_("'{value}': {reason}."), value=value, reason=reason)
    if first:
        return Message("", N_("'{value}' is not one of the values in --help."), value=value)
    return str(error.message)
