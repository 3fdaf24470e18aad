"""The measurement script with real Gloo, in three containers of the engine image on a separate network."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest
from docker.errors import ImageNotFound

from inferfleet.fabric import Limits, evaluate_fabric

pytestmark = pytest.mark.lab

SCRIPT = Path(__file__).parents[2] / "roles/nccl_fabric/files/measure_bandwidth.py"
PREFIX = "inferfleet-fabric-test"
NAMES = ("n1", "n2", "n3")
FOLDER = "/run/inferfleet-fabric"


@pytest.fixture(scope="module")
def ranks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Three sleeping containers; the address of each."""
    client = docker.from_env()
    try:
        image = next(image for image in client.images.list("inferfleet-lab/engine"))
    except (ImageNotFound, StopIteration):
        pytest.fail("There is no image inferfleet-lab/engine; `make lab` builds it.")
    network = client.networks.create(PREFIX)
    containers = []
    try:
        for name in NAMES:
            folder = tmp_path_factory.mktemp(name)
            (folder / SCRIPT.name).write_text(SCRIPT.read_text())
            containers.append(
                client.containers.run(
                    image.id,
                    "300",
                    entrypoint="sleep",
                    name=f"{PREFIX}-{name}",
                    network=PREFIX,
                    volumes=[f"{folder}:{FOLDER}"],
                    environment={"GLOO_SOCKET_IFNAME": "eth0", "OMP_NUM_THREADS": "1"},
                    detach=True,
                    auto_remove=True,
                )
            )
        for container in containers:
            container.reload()
        networks = [container.attrs["NetworkSettings"]["Networks"][PREFIX] for container in containers]
        yield {name: place["IPAddress"] for name, place in zip(NAMES, networks, strict=True)}
    finally:
        for container in containers:
            container.remove(force=True)
        network.remove()


@pytest.fixture
def slow_node() -> str:
    """Throttle the traffic that n3 sends, in its network namespace."""
    pid = docker.from_env().containers.get(f"{PREFIX}-n3").attrs["State"]["Pid"]
    shape = "tc qdisc add dev eth0 root tbf rate 200mbit burst 64kb latency 50ms"
    subprocess.run(["nsenter", "-t", str(pid), "-n", *shape.split()], check=True)
    return "n3"


def test_slow_node_is_reported(ranks: dict[str, str], slow_node: str) -> None:
    starting = [
        subprocess.Popen(
            f"docker exec {PREFIX}-{name} python3 -m torch.distributed.run --nnodes={len(NAMES)} --nproc_per_node=1"
            f" --node_rank={rank} --master_addr={ranks['n1']} --master_port=29450 {FOLDER}/{SCRIPT.name} --name={name}"
            f" --backend=gloo --sizes=1024,262144,4194304 --seconds=0.3 --timeout=60 --folder={FOLDER}".split(),
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank, name in enumerate(NAMES)
    ]
    ended = [process.communicate(timeout=120)[1] for process in starting]
    assert [process.returncode for process in starting] == [0, 0, 0], ended
    read = ["docker", "exec", f"{PREFIX}-n1", "cat", f"{FOLDER}/result.json"]
    result = json.loads(subprocess.run(read, capture_output=True, text=True, check=True).stdout)
    assert [entry["bytes"] for entry in result["all_reduce"]] == [1024, 262144, 4194304]
    report = evaluate_fabric(result, {name: {} for name in NAMES}, "", Limits())
    assert len(report.pairs) == 6
    (problem,) = report.problems
    assert (problem.code, problem.parameters["sender"]) == ("sender-slow", slow_node), report.rows()
    assert problem.parameters["measured"].parameters["rate"].startswith("0."), report.rows()
