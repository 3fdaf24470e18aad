"""GPUs of the test cluster: division, descriptions and options, without a GPU."""

from pathlib import Path

import pytest
import yaml
from lab import gpus, inventory, nodes
from lab.config import LabConfig, Node
from lab.gpus import Gpu
from lab.problem import LabError

INFORMATION = """\
Model: \t\t NVIDIA H200
IRQ:   \t\t 40
Bus Type: \t PCIe
Bus Location: \t 0000:00:0{number}.0
Device Minor: \t {minor}
"""
FOUR = [Gpu(f"0000:00:0{number}.0", number) for number in range(4)]


@pytest.fixture
def driver(tmp_path: Path) -> Path:
    """Return a folder of libraries with those of a driver and others."""
    libraries = tmp_path / "libraries"
    libraries.mkdir()
    for name in ("libcuda.so.580.159.04", "libnvidia-ml.so.580.159.04", "libc.so.6"):
        (libraries / name).write_text(name)
    (libraries / "libcuda.so.1").symlink_to("libcuda.so.580.159.04")
    (libraries / "libc.so").symlink_to("libc.so.6")
    return libraries


def test_gpus_are_read_in_the_order_of_their_device_files(tmp_path: Path) -> None:
    for number, minor in ((6, 1), (7, 0)):
        (tmp_path / str(number)).mkdir()
        (tmp_path / str(number) / "information").write_text(INFORMATION.format(number=number, minor=minor))
    (tmp_path / "8").mkdir()
    (tmp_path / "8" / "information").write_text("Model: Unknown\n")
    assert gpus.read(tmp_path) == [Gpu("0000:00:07.0", 0), Gpu("0000:00:06.0", 1)]


@pytest.mark.parametrize(
    ("count", "node_count", "shares"),
    [(2, 2, [[0], [1]]), (4, 2, [[0, 1], [2, 3]]), (3, 2, [[0], [1]]), (4, 1, [[0, 1, 2, 3]])],
)
def test_each_node_has_an_equal_share(count: int, node_count: int, shares: list[list[int]]) -> None:
    divided = gpus.divide(FOUR[:count], node_count)
    assert [[gpu.minor for gpu in share] for share in divided] == shares


def test_a_node_without_a_gpu_is_rejected() -> None:
    with pytest.raises(LabError, match="LAB_NODES"):
        gpus.divide(FOUR[:1], 2)


def test_the_description_names_share_driver_and_version() -> None:
    described = gpus.cdi(FOUR[2:], "580.159.04")
    (device,) = described["devices"]
    paths = [node["path"] for node in device["containerEdits"]["deviceNodes"]]
    assert device["name"] == "all"
    assert paths[:2] == ["/dev/nvidia2", "/dev/nvidia3"]
    assert "/dev/nvidiactl" in paths
    assert all("ro" in mount["options"] for mount in described["containerEdits"]["mounts"])
    # Annotations are keys of version 0.6.0: Docker ignores the file of an older version that has them.
    assert tuple(map(int, described["cdiVersion"].split("."))) >= (0, 6, 0)
    assert ".580.159.04" in yaml.safe_dump(described)  # what the role container_runtime searches for


def test_the_files_of_a_node_remove_the_other_gpus() -> None:
    files = gpus.node_files(FOUR[:2], FOUR[2:], "580.159.04")
    unit = files[f"etc/systemd/system/{gpus.GPUS_UNIT}"][0].decode()
    assert "rm -f /dev/nvidia2 /dev/nvidia3\n" in unit
    assert gpus.unit([]).count("ExecStart") == 1
    assert gpus.GPUS_UNIT in files["etc/systemd/system/sysinit.target.d/gpus.conf"][0].decode()


def test_the_bus_of_a_node_has_no_gpu_of_another_node(tmp_path: Path) -> None:
    bus = tmp_path / "devices"
    bus.mkdir()
    for address in ("0000:00:00.0", "0000:00:01.0", "0000:00:05.0"):
        (bus / address).symlink_to(f"../../../devices/pci0000:00/{address}")
    links = gpus.pci_links(bus, FOUR[1:])
    assert list(links) == ["0000:00:00.0", "0000:00:05.0"]
    written = gpus.write_pci(tmp_path / "node", links)
    assert str((written / "0000:00:05.0").readlink()) == "../../../devices/pci0000:00/0000:00:05.0"
    assert gpus.write_pci(tmp_path / "node", {}) == written
    assert not list(written.iterdir())


def test_driver_files_among_others_are_copied_with_their_links(driver: Path, tmp_path: Path) -> None:
    tool = tmp_path / "nvidia-smi"
    tool.write_text("tool")
    with pytest.raises(FileNotFoundError):  # interrupted
        gpus.collect(driver, str(tmp_path / "missing"), tmp_path / "copy")
    folder = gpus.collect(driver, str(tool), tmp_path / "copy")
    names = {file.name for file in (folder / "lib64").iterdir()}
    assert names == {"libcuda.so.1", "libcuda.so.580.159.04", "libnvidia-ml.so.580.159.04"}
    assert (folder / "bin" / "nvidia-smi").read_text() == "tool"
    assert gpus.driver_version(folder) == "580.159.04"
    assert gpus.collect(driver, None, folder) == folder
    assert (folder / "bin" / "nvidia-smi").exists()


def test_the_library_folder_is_that_of_the_64_bit_library() -> None:
    output = (
        "\tlibcuda.so.1 (libc6) => /usr/lib/i386-linux-gnu/libcuda.so.1\n"
        "\tlibcuda.so.1 (libc6,x86-64) => /usr/lib/x86_64-linux-gnu/libcuda.so.1\n"
    )
    assert gpus.library_folder(output) == Path("/usr/lib/x86_64-linux-gnu")
    assert gpus.library_folder("") is None


def test_a_folder_without_driver_is_rejected(tmp_path: Path) -> None:
    with pytest.raises(LabError, match=r"libcuda\.so"):
        gpus.driver_version(tmp_path)


def test_a_node_receives_only_its_devices() -> None:
    plain = nodes.container_options("2")
    assert plain["cgroupns"] == "host"
    assert "devices" not in plain
    given = nodes.container_options("2", gpus.devices(FOUR[:1]))
    assert "privileged" not in given  # it would receive the devices of all nodes
    assert "/dev/nvidia0:/dev/nvidia0:rwm" in given["devices"]
    assert not [device for device in given["devices"] if device.startswith("/dev/nvidia1")]
    assert given["cgroupns"] == "private"
    assert not given["volumes"]
    assert given["command"][-1].startswith(nodes.WRITABLE_CGROUP)
    older = nodes.container_options("1", gpus.devices(FOUR[:1]))
    assert older["cgroupns"] == "host"
    assert "command" not in older


def test_the_identity_of_a_node_contains_its_files() -> None:
    content = nodes.archive({"etc/cdi/nvidia.yaml": (b"kind", 0o644)})
    assert b"etc/cdi/nvidia.yaml" in content


@pytest.mark.parametrize(
    ("settings", "variable"),
    [
        ({"accelerator": "amd"}, "LAB_ACCELERATOR"),
        ({"bundle": Path("/srv/bundle")}, "LAB_BUNDLE"),
        ({"accelerator": "nvidia", "pool": "molecule"}, "Pool molecule"),
    ],
)
def test_invalid_settings_are_rejected(tmp_path: Path, settings: dict[str, object], variable: str) -> None:
    with pytest.raises(ValueError, match=variable):
        LabConfig(tmp_path, 2, tmp_path, **settings)  # type: ignore[arg-type]


def test_the_inventory_of_gpu_nodes(tmp_path: Path) -> None:
    config = LabConfig(tmp_path, 2, tmp_path, accelerator="nvidia", bundle=tmp_path)
    assert config.inventory.name == "lab2-nvidia"
    assert config.release == "trixie"
    settings = inventory.gpu_settings(2, 4, local_image=True)
    content = yaml.safe_load(inventory.hosts_yaml([Node(1), Node(2)], "state", settings, on_head=()))
    assert content["all"]["vars"]["tensor_parallel_size"] == 8
    assert content["all"]["vars"]["engine_image"].endswith(content["all"]["vars"]["engine_version"])
    assert not {"webui", "monitoring"} & content["all"]["children"].keys()
    assert "engine_image" not in inventory.gpu_settings(2, 4, local_image=False)


def test_the_inventory_for_bundles_is_that_of_two_nodes_with_a_gpu_each() -> None:
    settings = inventory.gpu_settings(2, 1, local_image=True)
    text = inventory.hosts_yaml([Node(1), Node(2)], "{{ inventory_dir }}/../../.lab", settings, on_head=())
    assert Path("lab/nvidia/hosts.yml").read_text() == text
