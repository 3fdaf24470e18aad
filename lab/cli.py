"""The lab's commands."""

import os
import sys
from typing import Annotated

import docker
import typer
from docker.errors import DockerException
from rich.console import Console

from lab import cluster, nodes
from lab.config import DEFAULT_NODES, DEFAULT_POOL, POOLS, LabConfig, load
from lab.problem import LabError
from lab.steps import run_steps

app = typer.Typer(help="The practice cluster on this machine.", no_args_is_help=True, add_completion=False)
console = Console()
NodeCount = Annotated[int, typer.Option("--nodes", envvar="LAB_NODES", help="How many nodes, 1 to 8.")]
Pool = Annotated[str, typer.Option("--pool", help=f"Which set of nodes: {', '.join(POOLS)}.")]


def _connect() -> docker.DockerClient:
    try:
        return docker.from_env(timeout=600)
    except DockerException as error:
        raise LabError("The Docker engine does not answer. Run `make bootstrap`.") from error


def _config(node_count: int, pool: str) -> LabConfig:
    try:
        return load(node_count, pool)
    except ValueError as error:
        raise LabError(str(error)) from error


@app.command()
def up(
    node_count: NodeCount = DEFAULT_NODES,
    pool: Pool = DEFAULT_POOL,
) -> None:
    """Bring the cluster up, or whatever of it is missing."""
    config, client = _config(node_count, pool), _connect()
    nodes.remove(client, nodes.surplus(client, config))
    run_steps(cluster.up_steps(client, config), console)
    console.print(f"inventory: {config.inventory.relative_to(config.checkout)}", highlight=False)


@app.command()
def down(
    pool: Annotated[str | None, typer.Option("--pool", help="Only the nodes of this pool.")] = None,
) -> None:
    """Remove everything that `up` made."""
    config, client = _config(DEFAULT_NODES, pool or DEFAULT_POOL), _connect()
    if pool:
        nodes.remove(client, nodes.containers(client, config, pool))
        return
    nodes.remove(client, nodes.containers(client, config))
    nodes.remove_network(client, config)


def main() -> None:
    """Run the command line; a LabError is one line on standard error and exit code 1."""
    try:
        app()
    except LabError as error:
        print(f"lab: {error}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        os._exit(130)
