"""An MPI world over containers without SSH: real mpirun, with mpi_launch.py as on TensorRT-LLM nodes."""

import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import docker
import pytest
from lab import images
from lab.config import load

from inferfleet.engines.mpi import PORT, listener_argv, mpirun_argv

pytestmark = pytest.mark.lab

ROLE = Path(__file__).parents[2] / "roles/inference_engine"
NETWORK = "inferfleet-mpi-test"
SUBNET = "198.18.7.0/24"
ADDRESSES = ("198.18.7.2", "198.18.7.3", "198.18.7.4")
IDENTIFY = ["sh", "-c", "echo rank $OMPI_COMM_WORLD_RANK of $OMPI_COMM_WORLD_SIZE on $(hostname)"]
Start = Callable[..., "docker.models.containers.Container"]


@pytest.fixture(scope="module")
def image() -> str:
    """Debian with OpenMPI and Python, without SSH; in place of TensorRT-LLM's image."""
    return images.debian(docker.from_env(), load().cache, ["openmpi-bin", "python3", "iproute2"], package_lists=False)


@pytest.fixture
def start(image: str, tmp_path: Path) -> Iterator[Start]:
    """Start the container of a node: the first one sleeps, the others listen; `key` is its shared key."""
    client = docker.from_env()
    pool = docker.types.IPAMConfig(pool_configs=[docker.types.IPAMPool(subnet=SUBNET)])
    network = client.networks.create(NETWORK, ipam=pool)
    started = []

    def start_node(number: int, key: str = "hush") -> "docker.models.containers.Container":
        folder = tmp_path / str(number)
        folder.mkdir()
        (folder / "launch.py").write_bytes((ROLE / "files/mpi_launch.py").read_bytes())
        (folder / "key").write_text(key)
        container = client.containers.create(
            image,
            listener_argv(ADDRESSES[number]) if number else ["sleep", "300"],
            name=f"{NETWORK}-{number}",
            hostname=f"n{number}",
            volumes=[f"{folder}:/inferfleet/mpi:ro"],
            network=NETWORK,
            networking_config={NETWORK: client.api.create_endpoint_config(ipv4_address=ADDRESSES[number])},
        )
        started.append(container)
        container.start()
        return container

    yield start_node
    for container in started:
        container.remove(force=True)
    network.remove()


def world(nodes: int) -> list[str]:
    """Return the command that starts two ranks on each of `nodes` nodes; each prints its rank and host."""
    return [*mpirun_argv(ADDRESSES[:nodes], 2, 2 * nodes, SUBNET), *IDENTIFY]


def test_every_node_runs_its_ranks(start: Start) -> None:
    head, *_ = [start(number) for number in range(3)]
    code, output = head.exec_run(world(3))
    assert code == 0, output
    lines = sorted(line for line in output.decode().splitlines() if line.startswith("rank"))
    assert lines == [f"rank {rank} of 6 on n{rank // 2}" for rank in range(6)]


def test_launch_waits_for_a_late_node(start: Start) -> None:
    head = start(0)
    with subprocess.Popen(["docker", "exec", head.id, *world(2)], stdout=subprocess.PIPE, text=True) as run:
        time.sleep(3)
        assert run.poll() is None
        start(1)
        output, _ = run.communicate(timeout=60)
    assert run.returncode == 0, output
    assert "rank 3 of 4 on n1" in output


def test_launch_with_another_key_is_rejected(start: Start) -> None:
    head, worker = start(0, key="another"), start(1)
    code, output = head.exec_run(world(2))
    assert code != 0
    assert f"{ADDRESSES[1]}:{PORT} has another key: deploy all nodes again" in output.decode()
    assert worker.logs().decode().splitlines() == [f"mpi_launch: waiting on {ADDRESSES[1]}:{PORT}"]


def test_silent_connection_does_not_block_the_launch(start: Start) -> None:
    head, _ = start(0), start(1)
    silent = f"import socket, time; kept = socket.create_connection(('{ADDRESSES[1]}', {PORT})); time.sleep(60)"
    head.exec_run(["python3", "-c", silent], detach=True)
    time.sleep(1)
    code, output = head.exec_run(world(2))
    assert code == 0, output
