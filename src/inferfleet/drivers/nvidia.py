"""What has to be done about NVIDIA's driver on one node, from its facts."""

from collections.abc import Mapping
from typing import Any

from inferfleet.catalog import load_accelerator
from inferfleet.messages import N_, Message
from inferfleet.planner.health import shares_by_dmabuf

_OPEN_FROM = 7.5  # compute capability; open kernel modules know Turing and later (docs.nvidia.com, "Kernel Modules")


def nvidia_flavour(accelerator: str) -> str:
    """Return the kernel modules that suit an accelerator of the catalog: `open` wherever they know it."""
    capability = load_accelerator(accelerator).compute_capability
    return "open" if capability and float(capability) >= _OPEN_FROM else "proprietary"


def install_needed(facts: Mapping[str, Any], policy: str, branch: str, version: str) -> bool:
    """Say whether a driver has to be installed.

    `policy`: `missing` where none is there, `upgrade` also where the one that is there is another than asked for,
    `never`. A driver that is installed but not loaded, or loaded and broken, is there: that takes a restart or a
    person, not another installation.
    """
    installed = str(facts.get("library_version") or facts.get("driver_version") or facts.get("module_version") or "")
    if policy == "never":
        return False
    if not installed:
        return True
    wanted = version or branch
    return policy == "upgrade" and installed != wanted and not installed.startswith(f"{wanted}.")


def restart_due(facts: Mapping[str, Any]) -> Message | None:
    """Return why the node has to be restarted before its driver works, None where it need not."""
    module, library = facts.get("module_version", ""), facts.get("library_version", "")
    if "nouveau" in facts.get("modules", []):
        return Message("", N_("nouveau holds the accelerators"))
    if module and library and module != library:
        reason = N_("the kernel runs driver {module} and the libraries are {library}")
        return Message("", reason, module=module, library=library)
    return None


def gpudirect_by_peermem(facts: Mapping[str, Any], fabric: Mapping[str, Any]) -> bool:
    """Say whether RDMA needs nvidia_peermem: there are RDMA devices, and the driver cannot share by DMA-BUF."""
    return bool(fabric.get("rdma")) and bool(facts.get("module_version")) and not shares_by_dmabuf(facts)
