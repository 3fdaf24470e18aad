"""NVIDIA GPUs of this machine: their division among the nodes, and what a node's container receives of them."""

import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from lab.problem import LabError
from lab.shell import run

PROC = Path("/proc/driver/nvidia/gpus")
PCI = Path("/sys/bus/pci/devices")
DRIVER = "/usr/local/nvidia"  # folder of the driver's libraries and programs in a node, and in its containers
CONTROL_FILES = ("/dev/nvidiactl", "/dev/nvidia-uvm", "/dev/nvidia-uvm-tools")
SHARED_MEMORY = "16g"  # /dev/shm of a node; NCCL's buffers between the ranks of one node are stored there
GPUS_UNIT = "inferfleet-lab-gpus.service"


@dataclass(frozen=True)
class Gpu:
    """One GPU: its PCI address, and the number in the name of its device file."""

    address: str
    minor: int

    @property
    def device_file(self) -> str:
        """Path of the device file."""
        return f"/dev/nvidia{self.minor}"


def parse(information: str) -> Gpu | None:
    """Return the GPU that a file `information` of the driver describes; None if it names no device file."""
    address = re.search(r"^Bus Location:\s*(\S+)$", information, re.MULTILINE)
    minor = re.search(r"^Device Minor:\s*(\d+)$", information, re.MULTILINE)
    return Gpu(address[1], int(minor[1])) if address and minor else None


def read(folder: Path = PROC) -> list[Gpu]:
    """Return this machine's GPUs in the order of their device files."""
    gpus = [parse(file.read_text()) for file in folder.glob("*/information")]
    return sorted((gpu for gpu in gpus if gpu), key=lambda gpu: gpu.minor)


def divide(gpus: Sequence[Gpu], node_count: int) -> list[list[Gpu]]:
    """Return the GPUs of each node: equal shares of neighbouring GPUs; a remainder is not used.

    Raises LabError if there are more nodes than GPUs.
    """
    share = len(gpus) // node_count
    if share == 0:
        raise LabError(
            f"There are {len(gpus)} NVIDIA GPUs for {node_count} nodes (LAB_NODES). Every node needs one; "
            "`nvidia-smi` lists those of this machine."
        )
    return [list(gpus[index * share : (index + 1) * share]) for index in range(node_count)]


def driver_version(folder: Path) -> str:
    """Return the version of the driver whose libraries are stored in `folder`; raises LabError if there is none."""
    for file in sorted((folder / "lib64").glob("libcuda.so.*.*")):
        return file.name.removeprefix("libcuda.so.")
    raise LabError(f"{folder}/lib64 contains no libcuda.so of an NVIDIA driver. Install the driver on this machine.")


def library_folder(ldconfig: str) -> Path | None:
    """Return the folder of the 64-bit libcuda.so.1 in the output of `ldconfig -p`."""
    found = re.search(r"libcuda\.so\.1 \(libc6,x86-64\) => (\S+)/libcuda\.so\.1", ldconfig)
    return Path(found[1]) if found else None


def driver_folder(state: Path) -> Path:
    """Return the folder with `bin` and `lib64` of the driver, copied to `state` if its files are among others.

    Raises LabError if this machine has no driver.
    """
    separate = Path(DRIVER)
    if (separate / "lib64" / "libcuda.so.1").exists():
        return separate
    libraries = library_folder(run(["ldconfig", "-p"]))
    if libraries is None:
        raise LabError("This machine has no NVIDIA driver: `ldconfig -p` lists no libcuda.so.1. Install it first.")
    return collect(libraries, shutil.which("nvidia-smi"), state / "nvidia")


def collect(libraries: Path, tool: str | None, target: Path) -> Path:
    """Copy the driver's libraries, their links and nvidia-smi to `target`; return it."""
    version = (libraries / "libcuda.so.1").resolve().name.removeprefix("libcuda.so.")
    if (target / "lib64" / f"libcuda.so.{version}").exists():
        return target
    part = target.with_name(f"{target.name}.part")  # a copy that is interrupted is not taken for a complete one
    for folder in (part, target):
        shutil.rmtree(folder, ignore_errors=True)
    (part / "lib64").mkdir(parents=True)
    (part / "bin").mkdir()
    for file in libraries.glob("lib*.so*"):
        if file.resolve().name.endswith(f".so.{version}"):
            shutil.copy2(file, part / "lib64" / file.name, follow_symlinks=False)
    if tool:
        shutil.copy2(tool, part / "bin" / "nvidia-smi")
    return part.rename(target)


def cdi(share: Sequence[Gpu], version: str) -> dict[str, Any]:
    """Return the Container Device Interface description of a node's GPUs, in which containers see the driver too.

    It names one device, `all`, as `nvidia-ctk cdi generate` does, which is not installed on the nodes.
    `version` is that of the driver, by which the role container_runtime recognizes a current description;
    annotations need version 0.6.0 of the format.
    """

    def mount(path: str) -> dict[str, Any]:
        return {"hostPath": path, "containerPath": path, "options": ["ro", "nosuid", "nodev", "rbind"]}

    files = [*(gpu.device_file for gpu in share), *CONTROL_FILES]
    return {
        "cdiVersion": "0.6.0",
        "kind": "nvidia.com/gpu",
        "annotations": {"inferfleet.lab/library": f"libcuda.so.{version}"},
        "devices": [{"name": "all", "containerEdits": {"deviceNodes": [{"path": path} for path in files]}}],
        "containerEdits": {
            "env": [f"LD_LIBRARY_PATH={DRIVER}/lib64", "NVIDIA_VISIBLE_DEVICES=void"],
            "mounts": [mount(DRIVER), mount("/usr/bin/nvidia-smi")],
        },
    }


def unit(foreign: Sequence[Gpu]) -> str:
    """Return the systemd unit that makes the driver's libraries known and removes the files of other nodes' GPUs.

    The driver's library creates missing device files; a node may not open those of other nodes.
    """
    files = " ".join(gpu.device_file for gpu in foreign)
    removal = f"ExecStart=/bin/rm -f {files}\n" if files else ""
    return (
        "[Unit]\nDescription=GPUs of this node\nDefaultDependencies=no\nBefore=sysinit.target\n\n"
        f"[Service]\nType=oneshot\nRemainAfterExit=true\nExecStart=/sbin/ldconfig\n{removal}"
    )


def node_files(share: Sequence[Gpu], foreign: Sequence[Gpu], version: str) -> dict[str, tuple[bytes, int]]:
    """Return path → (content, mode) of the files that a node with the GPUs `share` has in addition."""
    return {
        "etc/cdi/nvidia.yaml": (yaml.safe_dump(cdi(share, version), sort_keys=False).encode(), 0o644),
        "etc/ld.so.conf.d/nvidia.conf": (f"{DRIVER}/lib64\n".encode(), 0o644),
        f"etc/systemd/system/{GPUS_UNIT}": (unit(foreign).encode(), 0o644),
        "etc/systemd/system/sysinit.target.d/gpus.conf": (f"[Unit]\nWants={GPUS_UNIT}\n".encode(), 0o644),
    }


def pci_links(devices: Path, foreign: Sequence[Gpu]) -> dict[str, str]:
    """Return name → target of the PCI devices that a node sees: all but the GPUs of other nodes."""
    hidden = {gpu.address for gpu in foreign}
    return {link.name: str(link.readlink()) for link in sorted(devices.iterdir()) if link.name not in hidden}


def write_pci(folder: Path, links: dict[str, str]) -> Path:
    """Write the links to `folder`, which replaces /sys/bus/pci/devices in a node; return it.

    sysfs is the machine's: without it a node would report GPUs on its bus that it cannot use.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name, target in links.items():
        (folder / name).symlink_to(target)
    return folder


def volumes(driver: Path, pci: Path) -> list[str]:
    """Return the volumes of a node with GPUs, in Docker's notation; all are read-only."""
    return [
        f"{driver}:{DRIVER}:ro",
        f"{driver}/bin/nvidia-smi:/usr/bin/nvidia-smi:ro",
        f"{pci}:{PCI}:ro",
    ]


def devices(share: Sequence[Gpu]) -> list[str]:
    """Return the device files of a node's container, in Docker's notation."""
    return [f"{path}:{path}:rwm" for path in [*(gpu.device_file for gpu in share), *CONTROL_FILES]]
