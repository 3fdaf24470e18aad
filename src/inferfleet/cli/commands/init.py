"""`inferfleet init`: write an inventory based on an example."""

import os
import shlex
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from inferfleet.cli.commands.plan import Json, to_json
from inferfleet.cli.output.plan import make_console, print_problems
from inferfleet.cli.output.text import tr
from inferfleet.cli.registry import Command
from inferfleet.inventory.examples import create, examples
from inferfleet.messages import N_, Problem, os_reason
from inferfleet.runner.checkout import find_checkout
from inferfleet.runner.errors import UsageError
from inferfleet.runner.outcome import Outcome


def init(
    folder: Annotated[
        Path | None, typer.Argument(metavar="DIR", show_default=False, help=N_("Folder to create the inventory in."))
    ] = None,
    like: Annotated[str, typer.Option("--like", metavar="NAME", help=N_("Example inventory to start from."))] = "",
    list_examples: Annotated[
        bool, typer.Option("--list", metavar="", help=N_("List the example inventories."))
    ] = False,
    as_json: Json = False,
) -> None:
    """Write the inventory, or list the examples."""
    try:
        root = find_checkout(Path.cwd(), os.environ)
        if list_examples:
            _show_examples(examples(root), as_json=as_json)
        else:
            _show_files(_created(root, like, folder), as_json=as_json)
    except UsageError as error:
        raise typer.Exit(_refuse(error.problem, as_json=as_json)) from None
    except OSError as error:
        raise typer.Exit(_refuse(_not_written(error), as_json=as_json)) from None


def _created(root: Path, like: str, folder: Path | None) -> list[Path]:
    if folder is None:
        raise UsageError("no-folder", N_("The folder of the new inventory is missing."), N_("Specify it as DIR."))
    return create(root, like, folder.expanduser())


def _not_written(error: OSError) -> Problem:
    return Problem(
        "not-writable",
        N_("File {file} cannot be written: {reason}."),
        N_("Specify a folder that you may write to."),
        file=str(error.filename or ""),
        reason=os_reason(error),
    )


def _refuse(problem: Problem, *, as_json: bool) -> int:
    if as_json:
        typer.echo(to_json({"files": [], "problems": [problem.as_dict()]}))
    print_problems(make_console(stderr=True), [problem])
    return Outcome.BAD_INPUT.exit_code


def _show_examples(known: dict[str, str], *, as_json: bool) -> None:
    if as_json:
        typer.echo(to_json({"examples": known}))
        return
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for column in (N_("Example"), N_("Description")):
        table.add_column(tr(column), overflow="fold")
    for name, description in known.items():
        table.add_row(name, tr(description))
    make_console().print(table)


def _show_files(files: list[Path], *, as_json: bool) -> None:
    if as_json:
        typer.echo(to_json({"files": [str(path) for path in files], "problems": []}))
        return
    console, folder = make_console(), shlex.quote(str(files[0].parent))
    for path in files:
        console.print(Text(str(path)))
    console.print()
    console.print(Text(tr(N_("Next steps"))), style="bold")
    for step, command in (
        (N_("Enter the addresses of your nodes"), f"$EDITOR {folder}/hosts.yml"),
        (N_("Plan without connecting"), f"inferfleet plan -i {folder}"),
        (N_("Check the nodes; nothing is changed"), f"inferfleet check -i {folder}"),
        (N_("Deploy"), f"inferfleet up -i {folder}"),
    ):
        console.print(Text(f"  {command}  # {tr(step)}"), soft_wrap=True)


COMMAND = Command(
    name="init",
    run=init,
    position=5,
    help=(N_("Write an inventory based on an example. It works in any folder; existing files are never overwritten."),),
    examples=(
        ("inferfleet init --list", ""),
        ("inferfleet init cluster --like a800", ""),
    ),
)
