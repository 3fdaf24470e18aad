"""`inferfleet init`: write an inventory from answers, or based on an example."""

import os
import shlex
import tempfile
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from inferfleet.cli.commands.plan import Json, form_of, to_json
from inferfleet.cli.draft import draft
from inferfleet.cli.output.console import make_console
from inferfleet.cli.output.plan import print_outline, print_problems
from inferfleet.cli.output.text import tr
from inferfleet.cli.planned import read
from inferfleet.cli.questions import Given, answers_of, collect, has_terminal, prompt_for
from inferfleet.cli.registry import Command
from inferfleet.inventory.examples import create, examples, require_empty, write
from inferfleet.messages import N_, Problem, os_reason
from inferfleet.planner import ClusterPlan, plan_cluster
from inferfleet.runner.checkout import find_checkout
from inferfleet.runner.command import Access
from inferfleet.runner.errors import UsageError
from inferfleet.runner.outcome import Outcome

_SITE = N_("Site")


def _answer(flag: str, text: str, metavar: str) -> typer.models.OptionInfo:
    option: typer.models.OptionInfo = typer.Option(
        *flag.split(), metavar=metavar, show_default=False, help=text, rich_help_panel=_SITE
    )
    return option


def init(
    folder: Annotated[
        Path | None, typer.Argument(metavar="DIR", show_default=False, help=N_("Folder to create the inventory in."))
    ] = None,
    like: Annotated[
        str | None, typer.Option("--like", metavar="NAME", help=N_("Example inventory to start from."))
    ] = None,
    list_examples: Annotated[
        bool, typer.Option("--list", metavar="", help=N_("List the example inventories."))
    ] = False,
    hosts: Annotated[
        str | None,
        _answer("--hosts", N_("Nodes, the head node first: 10.0.0.11,10.0.0.12 or gpu[1:4]=10.0.0.[11:14]."), "HOSTS"),
    ] = None,
    user: Annotated[str | None, _answer("-u --user", N_("User that SSH logs in as; default: root."), "NAME")] = None,
    ssh_port: Annotated[
        int | None,
        typer.Option(
            "--ssh-port",
            min=1,
            max=65535,
            metavar="PORT",
            help=N_("SSH port of the nodes."),
            show_default=False,
            rich_help_panel=_SITE,
        ),
    ] = None,
    sudo: Annotated[
        bool | None,
        typer.Option("--sudo", metavar="", help=N_("This user becomes root through sudo."), rich_help_panel=_SITE),
    ] = None,
    jump_host: Annotated[
        str | None, _answer("-J --jump-host", N_("SSH jump host, e.g. ops@bastion.example.com."), "HOST")
    ] = None,
    accelerator: Annotated[
        str | None, _answer("--accelerator", N_("Accelerator in the catalog, e.g. A800-80G."), "NAME")
    ] = None,
    accelerators_per_node: Annotated[
        str | None, _answer("--accelerators-per-node", N_("Accelerators per node."), "N")
    ] = None,
    model: Annotated[
        str | None, _answer("--model", N_("Model in the catalog, or the path of a folder with weights."), "NAME")
    ] = None,
    cluster_network: Annotated[
        str | None, _answer("--cluster-network", N_("Network for Ray and NCCL; default: that of the hosts."), "CIDR")
    ] = None,
    webui: Annotated[
        str | None,
        _answer("--webui", N_("Host of Open WebUI; default: the head node, `none`: without it."), "HOST"),
    ] = None,
    as_json: Json = False,
) -> None:
    """Write the inventory, or list the examples."""
    given: Given = {
        "hosts": hosts, "user": user, "ssh_port": ssh_port, "sudo": sudo, "jump_host": jump_host,
        "accelerator": accelerator, "accelerators_per_node": accelerators_per_node, "model": model,
        "cluster_network": cluster_network, "webui": webui,
    }  # fmt: skip
    try:
        root = find_checkout(Path.cwd(), os.environ)
        if list_examples:
            _show_examples(examples(root), as_json=as_json)
        elif like is not None:
            named = [f"--{name.replace('_', '-')}" for name, value in given.items() if value is not None]
            files = _copied(root, like, folder, named)
            _show_files(files, None, as_json=as_json)
        else:
            raise typer.Exit(_answered(folder, given, as_json=as_json))
    except UsageError as error:
        raise typer.Exit(_refuse([error.problem], as_json=as_json)) from None
    except OSError as error:
        raise typer.Exit(_refuse([_not_written(error)], as_json=as_json)) from None


def _copied(root: Path, like: str, folder: Path | None, given: list[str]) -> list[Path]:
    if given:
        raise UsageError(
            "usage",
            N_("--like copies an example as it is and does not use {options}."),
            N_("Omit --like to write an inventory from your answers."),
            options=given,
        )
    if folder is None:
        raise _no_folder()
    return create(root, like, folder.expanduser())


def _answered(folder: Path | None, given: Given, *, as_json: bool) -> int:
    """Write the inventory of the answers if it can be planned; on a terminal, otherwise prompt again."""
    if folder is None and not has_terminal():
        raise _no_folder()
    if folder is None:
        folder = Path(str(typer.prompt(tr(N_("Folder of the new inventory")), default="cluster", err=True)))
    folder = folder.expanduser()
    require_empty(folder)
    known = collect(given)
    prompted = known != given
    while True:
        files = draft(answers_of(known))
        cluster = _planned(files, folder.name)
        if cluster.works:
            break
        if not prompted:
            return _refuse(cluster.problems, as_json=as_json, code=_code(cluster))
        print_problems(make_console(stderr=True), cluster.problems)
        typer.echo(err=True)
        if cluster.plans and typer.confirm(tr(N_("Write the inventory nevertheless?")), default=False, err=True):
            break
        known = prompt_for(given, known)
    _show_files(write(files, folder), cluster, as_json=as_json, sudo=bool(known.get("sudo")))
    return Outcome.OK.exit_code if cluster.works else _code(cluster)


def _code(cluster: ClusterPlan) -> int:
    return (Outcome.REQUIREMENTS_NOT_MET if cluster.plans else Outcome.BAD_INPUT).exit_code


def _planned(files: dict[str, str], name: str) -> ClusterPlan:
    """Return the plan of an inventory that is not written yet."""
    with tempfile.TemporaryDirectory(prefix="inferfleet-") as folder:
        place = Path(folder) / (name or "cluster")
        write(files, place)
        return plan_cluster(read(str(place), [], Access()))


def _no_folder() -> UsageError:
    return UsageError("no-folder", N_("The folder of the new inventory is missing."), N_("Specify it as DIR."))


def _not_written(error: OSError) -> Problem:
    return Problem(
        "not-writable",
        N_("File {file} cannot be written: {reason}."),
        N_("Specify a folder that you may write to."),
        file=str(error.filename or ""),
        reason=os_reason(error),
    )


def _refuse(problems: list[Problem], *, as_json: bool, code: int = Outcome.BAD_INPUT.exit_code) -> int:
    if as_json:
        typer.echo(to_json({"files": [], "problems": [problem.as_dict() for problem in problems]}))
    print_problems(make_console(stderr=True), problems)
    return code


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


def _show_files(files: list[Path], cluster: ClusterPlan | None, *, as_json: bool, sudo: bool = False) -> None:
    """Print the files, the plan of an inventory from answers, and the next commands."""
    if as_json:
        form: dict[str, Any] = {"files": [str(path) for path in files], "problems": []}
        if cluster:
            form |= {"plan": form_of(cluster), "problems": [problem.as_dict() for problem in cluster.problems]}
        typer.echo(to_json(form))
        return
    console, folder = make_console(), shlex.quote(str(files[0].parent))
    for path in files:
        console.print(Text(str(path)), soft_wrap=True)
    if cluster and cluster.works:
        console.print()
        print_outline(console, cluster.plans)
    edit = N_("Enter the addresses of your nodes") if cluster is None else N_("Correct the settings")
    steps = (
        (edit, f"$EDITOR {folder}/hosts.yml" if cluster is None else f"$EDITOR {folder}/group_vars/all/10_cluster.yml"),
        (N_("Plan without connecting"), f"inferfleet plan -i {folder}"),
        (N_("Check the nodes; nothing is changed"), f"inferfleet check -i {folder}"),
        (N_("Deploy"), f"inferfleet up -i {folder}"),
    )
    console.print()
    console.print(Text(tr(N_("Next steps"))), style="bold")
    for step, command in steps[2:] if cluster and cluster.works else steps:
        console.print(Text(f"  {command}  # {tr(step)}"), soft_wrap=True)
    if sudo:
        note = N_("Add -K to the commands that connect if sudo needs a password.")
        console.print(Text(f"  {tr(note)}"), soft_wrap=True)


COMMAND = Command(
    name="init",
    run=init,
    position=10,
    help=(
        N_(
            "Write a commented inventory from your answers, and plan it at once: without options it prompts for them"
            " on a terminal. With --like, copy an example. It works in any folder; existing files are never"
            " overwritten."
        ),
        N_("Exits with code 1 for wrong answers and 3 when the model does not fit; then nothing is written."),
    ),
    examples=(
        ("inferfleet init cluster", N_("prompts for hosts, accelerator and model")),
        (
            "inferfleet init cluster --hosts 10.0.0.[11:14] --accelerator A800-80G --accelerators-per-node 8"
            " --model deepseek-r1",
            "",
        ),
        ("inferfleet init --list", ""),
        ("inferfleet init cluster --like a800", ""),
    ),
)
