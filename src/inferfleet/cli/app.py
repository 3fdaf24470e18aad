"""The command-line application: command registration, help and usage errors, in the user's language."""

import copy
import difflib
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape
from typer import rich_utils
from typer.core import TyperCommand, TyperGroup

from inferfleet import __version__
from inferfleet.cli import commands
from inferfleet.cli.language import OPTION, extract_language, translate_typer, usage_error
from inferfleet.cli.listing import Entry, entries
from inferfleet.cli.output.encoding import replace_unencodable_output
from inferfleet.cli.output.line_breaks import use_line_breaks
from inferfleet.cli.output.text import tr
from inferfleet.messages import N_, Message, use_language

if TYPE_CHECKING:
    from inferfleet.cli.registry import Command

_HELP = N_("Turn bare GPU and NPU servers into one DeepSeek-R1 service.")
_EXIT_CODES = N_(
    "Exit codes: 0 ok · 1 bad usage or inventory · 2 a task failed · 3 hardware requirements not met"
    " · 4 a host is unreachable · 5 changes detected (--assert-no-change) · 6 threshold not met"
    " (bench, evaluate) · 7 warnings (doctor) · 130 interrupted"
)
_FEW = 6
_WRONG_USAGE = 1  # typer's code, 2, means that a task failed


class _Translated:
    """Print help and usage in the user's language: the texts of a command are templates, translated on output."""

    def parse_args(self: Any, ctx: Any, args: list[str]) -> list[str]:
        ctx.allow_extra_args = True
        try:
            rest: list[str] = super().parse_args(ctx, args)  # type: ignore[misc]
        except _USAGE_ERROR as error:
            error.ctx = error.ctx or ctx
            raise
        if rest and not hasattr(self, "commands"):
            ctx.fail(tr(N_("Got unexpected extra arguments: {arguments}"), arguments=" ".join(rest)))
        return rest

    def format_help(self: Any, ctx: Any, formatter: Any) -> None:
        super(_Translated, _translated(self)).format_help(ctx, formatter)  # type: ignore[misc]

    def format_usage(self: Any, ctx: Any, formatter: Any) -> None:
        pieces = [tr(piece) for piece in self.collect_usage_pieces(ctx)]
        formatter.write_usage(ctx.command_path, " ".join(pieces), prefix=tr(N_("Usage:")) + " ")


def _translated(command: Any) -> Any:
    shown = copy.copy(command)
    shown.help = _paragraphs(command.help)
    shown.epilog = _paragraphs(command.epilog) or _epilog(getattr(command, "examples", ()))
    shown.get_params = lambda ctx: [_translated_option(option) for option in command.get_params(ctx)]
    if hasattr(command, "commands"):
        listed = command.listed() if hasattr(command, "listed") else command.commands
        shown.commands = {name: _translated(item) for name, item in listed.items()}
    return shown


def _translated_option(option: Any) -> Any:
    shown = copy.copy(option)
    if getattr(option, "is_flag", False) and option.metavar is None:
        shown.metavar = ""  # typer would print <bool> for --help
    for name in ("help", "rich_help_panel", "show_default"):
        text = getattr(option, name, None)
        if isinstance(text, str):
            setattr(shown, name, "\n".join(map(tr, text.split("\n"))))
    return shown


def _paragraphs(text: str | None) -> str:
    return "\n\n".join(tr(paragraph) for paragraph in (text or "").split("\n\n"))


def _epilog(examples: Sequence[tuple[str, str]]) -> str:
    lines = [escape(line) + (f"  [dim]# {tr(comment)}[/dim]" if comment else "") for line, comment in examples]
    heading = tr(N_("Examples"))
    return "\n\n".join([f"[bold]{heading}[/bold]", *lines]) if lines else ""


class _Command(_Translated, TyperCommand):
    examples: Sequence[tuple[str, str]] = ()


class _Group(_Translated, TyperGroup):
    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        if not args[0].startswith("-") and self.get_command(ctx, args[0]) is None:
            ctx.fail(str(_unknown_command(args[0], self.list_commands(ctx))))
        return super().resolve_command(ctx, args)


def _unknown_command(name: str, commands: Sequence[str]) -> Message:
    """Return the message of a command that does not exist: similar ones, or all if there are few."""
    near = difflib.get_close_matches(name, commands)
    if near:
        return Message("", N_("No such command '{name}'. Did you mean {commands}?"), name=name, commands=near)
    if len(commands) <= _FEW:
        return Message("", N_("No such command '{name}'. Choose from {commands}."), name=name, commands=[*commands])
    return Message("", N_("No such command '{name}'."), name=name)


class _Commands(Mapping[str, Any]):
    """The commands by name; the module of a command is imported when it is looked up."""

    def __init__(self, found: Mapping[str, Entry]) -> None:
        self.entries = found
        self._loaded: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in self._loaded:
            self._loaded[name] = _command(self.entries[name])
        return self._loaded[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.entries)

    def __len__(self) -> int:
        return len(self.entries)


class _Application(_Group):
    path: Sequence[str] = ()

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        self.commands: Any = _Commands(entries(self.path))

    def listed(self) -> dict[str, Any]:
        """Return the commands with name, first line and heading alone, which is what the list of commands shows."""
        return {
            name: TyperCommand(name, help=entry.help, rich_help_panel=tr(entry.section))
            for name, entry in self.commands.entries.items()
        }

    def main(self, args: Sequence[str] | None = None, prog_name: str | None = None, *rest: Any, **extra: Any) -> Any:
        """Run the command in the requested language, and exit with its exit code."""
        replace_unencodable_output()
        language, arguments, problem = extract_language(sys.argv[1:] if args is None else args, os.environ)
        use_language(language)
        translate_typer()
        use_line_breaks()
        if problem:
            typer.echo(f"inferfleet: {problem}", err=True)
            raise SystemExit(_WRONG_USAGE)
        try:
            code = super().main(arguments, prog_name, *rest, **{**extra, "standalone_mode": False})
        except typer.Abort:
            typer.echo(tr(N_("Aborted.")), err=True)
            raise SystemExit(_WRONG_USAGE) from None
        except _USAGE_ERROR as error:
            if type(error).__name__ != "NoArgsIsHelpError":
                message = str(usage_error(error))
                rich_utils.rich_format_error(_USAGE_ERROR(message, error.ctx))
            raise SystemExit(_WRONG_USAGE) from None
        raise SystemExit(code if isinstance(code, int) else 0)


_USAGE_ERROR: Any = typer.BadParameter.__mro__[1]
"""Typer's UsageError, which it does not export."""


def make_app(path: Sequence[str] = commands.__path__) -> typer.Typer:
    """Return the application with the commands defined in the folders of `path`, each imported when it is used."""
    app = typer.Typer(
        name="inferfleet",
        cls=type("_Inferfleet", (_Application,), {"path": path}),
        help=_HELP,
        epilog=_EXIT_CODES,
        no_args_is_help=True,
        add_completion=False,
        rich_markup_mode="rich",
        pretty_exceptions_show_locals=False,  # locals may contain secrets
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_main)
    return app


def _command(entry: Entry) -> Any:
    """Return the command or group of commands that the module of an entry declares."""
    from inferfleet.cli.registry import Group, load  # with the module

    app = typer.Typer(add_completion=False, rich_markup_mode="rich")
    app.callback()(lambda: None)  # with a single command typer would make no group
    declared = load(entry.module)
    if isinstance(declared, Group):
        group = typer.Typer(name=declared.name, cls=_Group, help="\n\n".join(declared.help), no_args_is_help=True)
        for command in declared.commands:
            _add(group, command)
        app.add_typer(group)
    else:
        _add(app, declared)
    made: Any = typer.main.get_command(app)
    return made.commands[declared.name]


def _add(app: typer.Typer, command: "Command") -> None:
    # Typer creates the command: pass the examples as an attribute of its class.
    kind = type("_Registered", (_Command,), {"examples": command.examples})
    app.command(command.name.split()[-1], cls=kind, help="\n\n".join(command.help))(command.run)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"inferfleet {__version__}")
        raise typer.Exit


def _main(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help=N_("Print the version and exit.")),
    ] = False,
    lang: Annotated[
        str, typer.Option(OPTION, metavar="en|zh", help=N_("Language of all texts, before or after the command."))
    ] = "",
) -> None:
    """Declare the options of the application; `--lang` has already been parsed and removed."""
