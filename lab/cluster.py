"""The steps that create the complete test cluster."""

import os
import shutil
from dataclasses import dataclass, replace
from pathlib import Path

import docker

from inferfleet.bundle.index import add_image, read_index
from lab import (
    applications,
    checkpoint,
    engine_archive,
    evaluation,
    hub_service,
    images,
    inventory,
    nodes,
    registry,
    services,
    ssh,
    trees,
)
from lab.applications import ENGINE, Application
from lab.config import LabConfig, Node
from lab.engine_archive import ENGINE_IMAGE
from lab.steps import Step


def node_steps(client: docker.DockerClient, config: LabConfig) -> list[Step]:
    """Return the steps that start the nodes."""

    def node_step(node: Node) -> Step:
        return Step(
            node.name,
            lambda: nodes.start(client, config, node, node_image(client, config)),
            after=("node image", "network", "ssh keys"),
        )

    return [
        Step("ssh keys", lambda: ssh.prepare(config)),
        Step("inventory", lambda: inventory.write(config)),
        Step("questions", lambda: evaluation.write(config)),
        Step("node image", lambda: node_image(client, config)),
        Step("network", lambda: nodes.network(client, config)),
        *(node_step(node) for node in config.nodes),
    ]


def node_image(client: docker.DockerClient, config: LabConfig) -> str:
    """Return the image of the nodes: LAB_NODE_IMAGE, or the one built for their release."""
    return os.environ.get("LAB_NODE_IMAGE") or images.node(client, config.cache, config.release)


def bundle_steps(config: LabConfig, bundle: Path) -> list[Step]:
    """Return the steps that complete an air-gap bundle: the engine image, from the wheels in the bundle."""

    def engine_image() -> str:
        if ENGINE_IMAGE in read_index(bundle).get("images", {}):
            return f"{ENGINE_IMAGE} unchanged"
        root = Path(os.environ.get("LAB_ENGINE_ROOT") or "/")
        archive = engine_archive.build(root, bundle / "engine", bundle / ".engine")
        add_image(bundle, ENGINE_IMAGE, archive)
        return f"{ENGINE_IMAGE} added to {bundle}"

    return [Step("engine image", engine_image)]


def site_steps(client: docker.DockerClient, config: LabConfig) -> list[Step]:
    """Return the steps that create the services of a site: a registry with images, a hub with weights."""
    cache = config.cache

    def packages(application: Application) -> str:
        if images.exists(client, applications.reference(client, cache, application)):
            return "in the image"
        return trees.tree(cache, application.recipe).name

    def application_steps(application: Application) -> list[Step]:
        recipe = application.recipe
        return [
            Step(f"{recipe} packages", lambda: packages(application), after=("base image",)),
            Step(
                f"{recipe} image",
                lambda: applications.image(client, cache, application),
                after=(f"{recipe} packages",),
            ),
            Step(
                f"{recipe} in registry",
                lambda: registry.push(
                    client, applications.image(client, cache, application),
                    application.repository, application.tag,
                ),
                after=(f"{recipe} image", "registry"),
            ),
        ]  # fmt: skip

    return [
        Step("base image", lambda: images.application_base(client, cache)),
        *(step for application in applications.ALL for step in application_steps(application)),
        Step("registry", lambda: services.start(config, registry.service(config)), after=("network",)),
        Step(
            "tiny R1",
            lambda: checkpoint.make(client, config, applications.image(client, cache, ENGINE)),
            after=("engine image",),
        ),
        Step("hub", lambda: services.start(config, hub_service.service(config)), after=("tiny R1", "network")),
    ]


DOCKER_FOLDER = "dockerd"  # of lab/bootstrap.sh, which stops the Docker engine afterwards


@dataclass(frozen=True)
class State:
    """The state of one part of the cluster; `good` if it is the expected one."""

    name: str
    address: str
    text: str
    good: bool


def states(client: docker.DockerClient, config: LabConfig) -> list[State]:
    """Return the state of each existing node of the pool, of the registry and of the hub."""
    found = []
    for container in sorted(nodes.containers(client, config, config.pool), key=lambda one: str(one.name)):
        text = str(container.status)
        if text == "running":
            text = nodes.systemd_state(container)
        address = container.attrs["NetworkSettings"]["Networks"][config.prefix]["IPAddress"]
        name = str(container.name).removeprefix(f"{config.prefix}-")
        found.append(State(name, address, text, text in nodes.READY_STATES))
    for service in (registry.service(config), hub_service.service(config)):
        good = services.running_pid(config, service.name) is not None
        address = f"{service.host}:{service.port}"
        found.append(State(service.name, address, "running" if good else "stopped", good))
    return found


def take_over(client: docker.DockerClient, config: LabConfig) -> list[str]:
    """Remove the test cluster of another checkout that uses the addresses; return what was removed."""
    holder = nodes.subnet_holder(client)
    checkout = nodes.owner(holder) if holder else None
    if checkout is None or Path(checkout) == config.checkout:
        return []
    return remove(client, replace(config, checkout=Path(checkout)), keep_cache=True)


def remove(client: docker.DockerClient, config: LabConfig, keep_cache: bool) -> list[str]:
    """Remove everything that the steps created, with `keep_cache` except cache and images; return what was removed."""
    removed = [name for name in ("hub", "registry") if services.stop(config, name)]
    removed += nodes.remove(client, nodes.containers(client, config))
    removed += nodes.remove_network(client, config)
    if not keep_cache:
        removed += images.remove(client)
        if config.cache.exists():
            shutil.rmtree(config.cache)
            removed.append(str(config.cache))
    if config.state.exists():
        for path in config.state.iterdir():
            if path.name != DOCKER_FOLDER:
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        removed.append(str(config.state))
    return removed
