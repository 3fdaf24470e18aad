"""The lab's commands."""

import os
import sys
from pathlib import Path
from typing import Annotated

import docker
import typer
from docker.errors import DockerException, NotFound
from rich.console import Console

from lab import applications, cluster, engine_wheels, images, nodes, registry, services
from lab.config import DEFAULT_NODES, DEFAULT_POOL, MAX_NODES, POOLS, LabConfig, load
from lab.problem import LabError
from lab.steps import run_steps

app = typer.Typer(
    help="The test cluster on this machine.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
console = Console()
NodeCount = Annotated[int, typer.Option("--nodes", envvar="LAB_NODES", help="Number of nodes, 1 to 8.")]
Accelerator = Annotated[
    str, typer.Option("--accelerator", envvar="LAB_ACCELERATOR", help="Give the nodes this machine's GPUs: nvidia.")
]
Bundle = Annotated[
    Path | None,
    typer.Option("--bundle", envvar="LAB_BUNDLE", help="Air-gap bundle of a machine without internet access."),
]
Pool = Annotated[str, typer.Option("--pool", help=f"Set of nodes: {', '.join(POOLS)}.")]


def _connect() -> docker.DockerClient:
    try:
        return docker.from_env(timeout=600)
    except DockerException as error:
        raise LabError("The Docker engine does not answer. Run `make bootstrap`.") from error


def _config(node_count: int, pool: str, accelerator: str = "", bundle: Path | None = None) -> LabConfig:
    try:
        return load(node_count, pool, accelerator, bundle)
    except ValueError as error:
        raise LabError(str(error)) from error


@app.command()
def up(
    node_count: NodeCount = DEFAULT_NODES,
    pool: Pool = DEFAULT_POOL,
    accelerator: Accelerator = "",
    bundle: Bundle = None,
    with_images: Annotated[
        bool, typer.Option("--images/--no-images", help="Also create images, registry, weights and hub.")
    ] = True,
    take_over: Annotated[
        bool,
        typer.Option(envvar="LAB_TAKE_OVER", help="Remove another checkout's cluster that holds the addresses."),
    ] = False,
) -> None:
    """Start the cluster, or its missing parts."""
    config, client = _config(node_count, pool, accelerator, bundle), _connect()
    if take_over:
        cluster.take_over(client, config)
    nodes.remove(client, nodes.surplus(client, config))
    steps = cluster.node_steps(client, config)
    if bundle:
        steps += cluster.bundle_steps(config, bundle)
    elif with_images:
        steps += cluster.site_steps(client, config)
    run_steps(steps, console)
    console.print(f"inventory: {config.inventory.relative_to(config.checkout)}", highlight=False)


@app.command()
def down(
    pool: Annotated[str | None, typer.Option("--pool", help="Only the nodes of this pool.")] = None,
    keep_cache: Annotated[bool, typer.Option("--keep-cache", help="Keep the cache and the images.")] = False,
) -> None:
    """Remove everything that `up` created."""
    config, client = _config(DEFAULT_NODES, pool or DEFAULT_POOL), _connect()
    if pool:
        removed = nodes.remove(client, nodes.containers(client, config, pool))
    else:
        removed = cluster.remove(client, config, keep_cache)
    for name in removed:
        console.print(f"removed {name}", highlight=False)


@app.command()
def image(recipe: Annotated[str, typer.Argument(help=", ".join(applications.ON_DEMAND))]) -> None:
    """Push an image that `up` omits to the registry."""
    config, client = _config(DEFAULT_NODES, DEFAULT_POOL), _connect()
    if recipe not in applications.ON_DEMAND:
        raise LabError(f"Image recipe {recipe!r} does not exist. Choose one of: {', '.join(applications.ON_DEMAND)}.")
    application = applications.ON_DEMAND[recipe]
    name = applications.image(client, config.cache, application)
    console.print(registry.push(client, name, application.repository, application.tag), highlight=False)


@app.command("inventory")
def inventory_path(
    node_count: NodeCount = DEFAULT_NODES, pool: Pool = DEFAULT_POOL, accelerator: Accelerator = ""
) -> None:
    """Print the path of the inventory of the nodes."""
    config = _config(node_count, pool, accelerator)
    print(config.inventory.relative_to(config.checkout))


@app.command("node-image")
def node_image(pool: Pool = DEFAULT_POOL) -> None:
    """Print the Docker image of the nodes, built if missing."""
    config = _config(DEFAULT_NODES, pool)
    print(images.node(_connect(), config.cache, config.release))


@app.command()
def wheels(folder: Annotated[Path, typer.Argument(help="Folder `engine` of the air-gap bundle.")]) -> None:
    """Download the wheels of the CUDA engine, for `up --accelerator nvidia --bundle` without internet access."""
    console.print(f"{engine_wheels.download(folder)} wheels in {folder}", highlight=False)


@app.command()
def isolate(
    pool: Pool = DEFAULT_POOL,
    undo: Annotated[bool, typer.Option("--undo", help="Restore internet access.")] = False,
) -> None:
    """Isolate the nodes: they reach only each other, and answer. A restart of a node restores internet access."""
    config, client = _config(DEFAULT_NODES, pool), _connect()
    for container in nodes.containers(client, config, pool):
        console.print(
            f"{nodes.isolate(container, undo)} {'has internet access' if undo else 'is isolated'}", highlight=False
        )


@app.command()
def status(pool: Pool = DEFAULT_POOL) -> None:
    """Show the state of all parts, and exit with code 1 if one is not running."""
    config, client = _config(MAX_NODES, pool), _connect()
    states = cluster.states(client, config)
    for state in states:
        console.print(f"{state.name:12} {state.address:22} {state.text}", highlight=False)
    if not states or not all(state.good for state in states):
        raise typer.Exit(1)


@app.command(context_settings={"ignore_unknown_options": True})
def ssh(node: str, command: Annotated[list[str] | None, typer.Argument()] = None) -> None:
    """Open a shell on NODE, or run a command there."""
    config = _config(DEFAULT_NODES, DEFAULT_POOL)
    os.execvp("ssh", ["ssh", "-F", str(config.state / "ssh_config"), node, *(command or [])])


@app.command()
def logs(name: Annotated[str, typer.Argument(help="hub, registry, or a node")]) -> None:
    """Print the log of the hub, the registry or a node's systemd."""
    config = _config(DEFAULT_NODES, DEFAULT_POOL)
    file = services.log_file(config, name)
    if file.is_file():
        console.file.write(file.read_text())
        return
    try:
        container = _connect().containers.get(f"{config.prefix}-{name}")
    except NotFound:
        raise LabError(f"{name} does not exist. Use hub, registry, or a running node.") from None
    console.file.write(nodes.command_output(container, ["journalctl", "--no-pager", "-b"]) + "\n")


def main() -> None:
    """Run the command line; a LabError is one line on standard error and exit code 1."""
    try:
        app()
    except LabError as error:
        print(f"lab: {error}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        os._exit(130)
