"""The options shared by all commands that run a playbook."""

import dataclasses
import functools
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, get_type_hints

import typer

from inferfleet.messages import N_
from inferfleet.settings import Settings, choices

RUN_PANEL = N_("Scope")
_ACCESS = N_("Connection")
_OUTPUT = N_("Output")


class ProgressForm(StrEnum):
    """Format of the progress output."""

    AUTO = "auto"
    PLAIN = "plain"
    JSON = "json"


def inventory_option(text: str) -> Any:
    """Return the option that selects the inventory, with its help."""
    return typer.Option(
        "-i", "--inventory", metavar="PATH", envvar="INFERFLEET_INVENTORY", help=text, rich_help_panel=RUN_PANEL
    )


def setting_option(name: str, *short: str, metavar: str = "") -> Any:
    """Return the option `--name` (and `short`) of a setting, with the description and the values of the model."""
    field = Settings.model_fields[name]
    flag = f"--{name.replace('_', '-')}"
    help_text = "\n".join(filter(None, [field.description, ", ".join(filter(None, choices(field)))]))
    return typer.Option(*short, flag, metavar=metavar, help=help_text)


@dataclass(frozen=True, kw_only=True)
class ScopeOptions:
    """The options that select hosts and tasks."""

    inventory: Annotated[
        str, inventory_option(N_("The cluster: a folder under inventories/, an inventory file, or hosts as `a,b,`."))
    ]
    extra_vars: Annotated[
        list[str] | None,
        typer.Option(
            "-e",
            "--extra-vars",
            metavar="KEY=VALUE",
            help=N_("Set a variable for this run, or read variables from @FILE. Repeatable."),
            rich_help_panel=RUN_PANEL,
        ),
    ] = None
    limit: Annotated[
        str | None,
        typer.Option("-l", "--limit", metavar="HOSTS", help=N_("Only these hosts."), rich_help_panel=RUN_PANEL),
    ] = None
    tags: Annotated[
        str | None,
        typer.Option("-t", "--tags", metavar="TAGS", help=N_("Only these stages or tags."), rich_help_panel=RUN_PANEL),
    ] = None
    skip_tags: Annotated[
        str | None,
        typer.Option("--skip-tags", metavar="TAGS", help=N_("Skip these stages or tags."), rich_help_panel=RUN_PANEL),
    ] = None
    check: Annotated[
        bool,
        typer.Option(
            "-C", "--check", metavar="", help=N_("Change nothing; show what would change."), rich_help_panel=RUN_PANEL
        ),
    ] = False
    diff: Annotated[
        bool, typer.Option("-D", "--diff", metavar="", help=N_("Show how files change."), rich_help_panel=RUN_PANEL)
    ] = False
    forks: Annotated[
        int | None,
        typer.Option("-f", "--forks", min=1, metavar="N", help=N_("Hosts in parallel."), rich_help_panel=RUN_PANEL),
    ] = None


@dataclass(frozen=True, kw_only=True)
class VaultOptions:
    """The options of all commands that read an inventory."""

    ask_vault_pass: Annotated[
        bool,
        typer.Option(
            "-J", "--ask-vault-pass", metavar="", help=N_("Prompt for the vault password."), rich_help_panel=_ACCESS
        ),
    ] = False
    vault_password_file: Annotated[
        Path | None,
        typer.Option(
            "--vault-password-file",
            metavar="FILE",
            help=N_("File that contains the vault password."),
            rich_help_panel=_ACCESS,
        ),
    ] = None


@dataclass(frozen=True, kw_only=True)
class AccessOptions(VaultOptions):
    """The options of all commands that connect to nodes; they mean the same as those of ansible-playbook."""

    user: Annotated[
        str | None,
        typer.Option("-u", "--user", metavar="NAME", help=N_("Log in as this user."), rich_help_panel=_ACCESS),
    ] = None
    private_key: Annotated[
        Path | None,
        typer.Option("--private-key", metavar="FILE", help=N_("Log in with this SSH key."), rich_help_panel=_ACCESS),
    ] = None
    ask_pass: Annotated[
        bool,
        typer.Option("-k", "--ask-pass", metavar="", help=N_("Prompt for the SSH password."), rich_help_panel=_ACCESS),
    ] = False
    become: Annotated[
        bool,
        typer.Option("-b", "--become", metavar="", help=N_("Run tasks as root through sudo."), rich_help_panel=_ACCESS),
    ] = False
    ask_become_pass: Annotated[
        bool,
        typer.Option(
            "-K", "--ask-become-pass", metavar="", help=N_("Prompt for the sudo password."), rich_help_panel=_ACCESS
        ),
    ] = False


@dataclass(frozen=True, kw_only=True)
class RunOptions(AccessOptions, ScopeOptions):
    """The shared options, as given on the command line."""

    json: Annotated[
        bool,
        typer.Option(
            "--json",
            metavar="",
            help=N_("Print one JSON document on stdout, everything else on stderr."),
            rich_help_panel=_OUTPUT,
        ),
    ] = False
    progress: Annotated[
        ProgressForm,
        typer.Option(
            "--progress",
            help=N_("Progress output: automatic, plain lines, or one JSON object per line on stderr."),
            rich_help_panel=_OUTPUT,
        ),
    ] = ProgressForm.AUTO
    junit: Annotated[
        Path | None,
        typer.Option("--junit", metavar="FILE", help=N_("Write a JUnit XML report."), rich_help_panel=_OUTPUT),
    ] = None
    verbose: Annotated[
        int,
        typer.Option(
            "-v",
            "--verbose",
            count=True,
            metavar="",
            show_default=False,
            help=N_("Show Ansible's own output; -vv and more for details."),
            rich_help_panel=_OUTPUT,
        ),
    ] = 0


def takes_run_options(command: Callable[..., None]) -> Callable[..., None]:
    """Return `command` with its first parameter, a dataclass of options, replaced by its fields, for typer to see."""
    first, *own = inspect.signature(command).parameters.values()
    kind: type[Any] = get_type_hints(command)[first.name]
    names = [field.name for field in dataclasses.fields(kind)]

    @functools.wraps(command)
    def with_options(**given: Any) -> None:
        options = kind(**{name: given.pop(name) for name in names})
        command(options, **given)

    hints = get_type_hints(kind, include_extras=True)
    shared = [
        inspect.Parameter(
            field.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=inspect.Parameter.empty if field.default is dataclasses.MISSING else field.default,
            annotation=hints[field.name],
        )
        for field in dataclasses.fields(kind)
    ]
    own = [parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in own]
    with_options.__signature__ = inspect.Signature([*shared, *own])  # type: ignore[attr-defined]
    with_options.__annotations__ = {parameter.name: parameter.annotation for parameter in [*shared, *own]}
    return with_options
