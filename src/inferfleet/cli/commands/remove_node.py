"""`inferfleet remove-node`: take a node out of the deployment."""

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from inferfleet.cli.commands.up import up_blocks
from inferfleet.cli.commands.upgrade import DrainTimeout, Yes, run_variables
from inferfleet.cli.execute import execute
from inferfleet.cli.options import RUN_PANEL, RunOptions, takes_run_options
from inferfleet.cli.output.row import Row
from inferfleet.cli.output.text import tr
from inferfleet.cli.registry import Command
from inferfleet.inventory.read import read_inventory
from inferfleet.inventory.removal import removal_problems
from inferfleet.messages import N_
from inferfleet.runner.command import Request
from inferfleet.runner.errors import UsageError


@takes_run_options
def remove_node(
    options: RunOptions,
    node: Annotated[str, typer.Argument(metavar="NODE", help=N_("Name of the node in hosts.yml."))],
    weights: Annotated[
        bool,
        typer.Option(
            "--weights", metavar="", rich_help_panel=RUN_PANEL, help=N_("Remove the model's weights of the node, too.")
        ),
    ] = False,
    drain_timeout: DrainTimeout = 600,
    yes: Yes = False,
) -> None:
    """Run the playbook that deploys the service without the node, and cleans the node."""

    def check(request: Request) -> None:
        access = request.access
        inventory = read_inventory(
            request.inventory, {}, request.root, access.vault_password_file, access.vault_password
        )
        for problem in removal_problems(inventory.groups, node):
            raise UsageError(problem.code, problem.template, problem.remedy, **problem.parameters)

    variables = [run_variables(f"remove-node {node}", drain_timeout, yes)]
    variables += ["reset_weights=true"] if weights else []
    raise typer.Exit(execute(COMMAND, options, extra_vars=variables, removed=(node,), check=check))


def removal_blocks(result: Mapping[str, Any], succeeded: bool) -> list[list[Row]]:
    """Return a row for each removed node, and what `inferfleet up` reports."""
    removed = result.get("removed_nodes")
    rows = [
        Row(str(node), tr(_REMOVED[str(reason)]))
        for node, reason in (removed.items() if isinstance(removed, Mapping) else ())
    ]
    return [rows, *up_blocks(result, succeeded)]


_CLEANED = N_("removed and cleaned: delete it from hosts.yml, or the next `inferfleet up` deploys it again")
_UNREACHABLE = N_(
    "removed, but not cleaned, because it does not answer: delete it from hosts.yml, or run this command again when it"
    " answers"
)
_DOCKER = N_(
    "removed, but not cleaned, because its Docker does not answer: its containers may still run, and images, settings"
    " and data may be left. Restart Docker or the node, and run this command again; then delete it from hosts.yml"
)
_REMOVED = {"": _CLEANED, "unreachable": _UNREACHABLE, "docker": _DOCKER}
"""By the reason for which the node was not cleaned."""

COMMAND = Command(
    name="remove-node",
    run=remove_node,
    position=240,
    playbook="playbooks/remove_node.yml",
    help=(
        N_("Drain the replica of a node, deploy the service on the other nodes, and remove what runs on the node."),
        N_(
            "A node that does not answer, or whose Docker does not, is removed without being cleaned. Other replicas"
            " are not interrupted."
        ),
        N_("hosts.yml is not changed: delete the node there afterwards."),
    ),
    examples=(
        ("inferfleet remove-node node7 -i inventories/a800", ""),
        ("inferfleet remove-node node7 -i inventories/a800 --check", N_("what would change")),
        ("inferfleet remove-node node7 -i inventories/a800 --weights --yes", N_("its weights too, from a script")),
    ),
    done=N_("Node removed"),
    interrupted=N_("Run the same command again: it continues where this run stopped."),
    summarize=removal_blocks,
)
