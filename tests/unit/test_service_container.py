"""Options of docker_container for planned containers, checked against the module's documentation."""

import importlib.util
import re
from dataclasses import asdict
from pathlib import Path

import pytest
import yaml

from inferfleet.planner import ContainerPlan

ROOT = Path(__file__).resolve().parents[2]
spec = importlib.util.spec_from_file_location("service_container", ROOT / "plugins/action/service_container.py")
assert spec is not None
assert spec.loader is not None
service_container = importlib.util.module_from_spec(spec)
spec.loader.exec_module(service_container)


@pytest.fixture(scope="module")
def documented() -> dict[str, dict]:
    """Return the options that docker_container documents."""
    path = importlib.util.find_spec("ansible_collections.community.docker.plugins.modules.docker_container").origin
    text = Path(path).read_text()
    documentation = re.search(r'^DOCUMENTATION = r"""(.*?)^"""', text, re.DOTALL | re.MULTILINE).group(1)
    return yaml.safe_load(documentation)["options"]


def test_a_plain_container(documented):
    options = service_container.planned_options(asdict(ContainerPlan()))
    assert options == {
        "network_mode": "host",
        "ipc_mode": "host",
        "privileged": False,
        "capabilities": [],
        "ulimits": [],
    }
    assert options.keys() <= documented.keys()


def test_accelerators_and_rdma(documented):
    container = ContainerPlan(
        privileged=True, shm_size="256g", gpus="all", cap_add=("IPC_LOCK",), ulimits=("memlock=-1:-1",)
    )
    options = service_container.planned_options(asdict(container))
    assert options["privileged"] is True
    assert options["shm_size"] == "256g"
    assert options["capabilities"] == ["IPC_LOCK"]
    assert options["ulimits"] == ["memlock:-1:-1"]
    assert options["device_requests"] == [{"driver": "nvidia", "count": -1, "capabilities": [["gpu"]]}]
    assert options.keys() <= documented.keys()
    assert options["device_requests"][0].keys() <= documented["device_requests"]["suboptions"].keys()


def test_accelerators_with_cdi(documented):
    options = service_container.planned_options(asdict(ContainerPlan(gpus="all")), cdi=True)
    assert options["device_requests"] == [{"driver": "cdi", "count": 0, "device_ids": ["nvidia.com/gpu=all"]}]
    assert options["device_requests"][0].keys() <= documented["device_requests"]["suboptions"].keys()
