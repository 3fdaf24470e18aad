"""The practice cluster with new, bare nodes, and the machine that deploys."""

import sys
from collections.abc import Iterator

import docker
import pytest
from lab import nodes
from lab.config import load
from practice import ArgvWatch, Controller, Lab


@pytest.fixture(scope="session")
def argv_watch() -> Iterator[ArgvWatch]:
    """Watch the command lines of all processes, from the first deployment on."""
    with ArgvWatch() as watch:
        yield watch


@pytest.fixture(scope="session")
def controller() -> Controller:
    """The machine that deploys."""
    return Controller()


@pytest.fixture(scope="session")
def lab(controller: Controller, argv_watch: ArgvWatch) -> Lab:
    """The practice cluster with new, bare nodes."""
    controller.run([sys.executable, "-m", "lab", "down", "--pool", "node"])
    up = controller.run([sys.executable, "-m", "lab", "up"], timeout=1800)
    assert up.rc == 0, up
    config = load()
    client = docker.from_env()
    assert len(nodes.containers(client, config, config.pool)) == len(config.nodes)
    return Lab(client, config)
