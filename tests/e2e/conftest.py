"""The test cluster with new, bare nodes, and the controller."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import docker
import pytest
from lab import nodes
from lab.config import load
from lab_cluster import ArgvWatch, Controller, Lab

# All tests use one cluster: those that need bare nodes run first, then those that need nodes with Docker and the
# engine's image, but no service; the removal is last.
_ORDER = [
    *(
        "bare_nodes",
        "fabric",
        "fabric_ranks",
        "mpi_launch",
        "refusals",
        "site",
        "unchanged",
        "gateway",
        "usage_of_clients",
        "firewall",
        "bench",
    ),
    *("evaluate", "webui", "doc_commands", "alerts", "doctor", "disk_full", "supervision", "report", "two_models"),
    *("replicas", "upgrade", "replica_supervision", "removal"),
]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Sort the files in that order; a file that is not listed is an error."""
    here = Path(__file__).parent
    places = {here / f"test_{name}.py": place for place, name in enumerate(_ORDER)}
    ours = sorted((item for item in items if item.path.parent == here), key=lambda item: places[item.path])
    items[:] = [item for item in items if item.path.parent != here] + ours


@pytest.fixture(scope="session")
def argv_watch() -> Iterator[ArgvWatch]:
    """Watch the command lines of all processes, from the first deployment on."""
    with ArgvWatch() as watch:
        yield watch


@pytest.fixture(scope="session")
def controller() -> Controller:
    """The controller."""
    return Controller()


@pytest.fixture(scope="session")
def lab(controller: Controller, argv_watch: ArgvWatch) -> Lab:
    """The test cluster with new, bare nodes."""
    controller.run([sys.executable, "-m", "lab", "down", "--pool", "node"])
    up = controller.run([sys.executable, "-m", "lab", "up"], timeout=1800)
    assert up.rc == 0, up
    config = load()
    client = docker.from_env()
    assert len(nodes.containers(client, config, config.pool)) == len(config.nodes)
    return Lab(client, config)


@pytest.fixture(scope="session")
def deployed(lab: Lab, controller: Controller, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The deployment that later tests use, with the JSON document and the JUnit file of its run."""
    junit = tmp_path_factory.mktemp("report") / "junit.xml"
    up = controller.inferfleet("up", "--junit", str(junit))
    assert up.rc == 0, up
    return {"document": up.document, "junit": junit}
