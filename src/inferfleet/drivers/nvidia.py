"""Decisions about NVIDIA's driver on one node, from the node's facts."""

from collections.abc import Mapping
from typing import Any

from inferfleet.catalog import load_accelerator
from inferfleet.messages import N_, Message
from inferfleet.planner.health import shares_by_dmabuf

_OPEN_FROM = 7.5  # compute capability; open kernel modules support Turing and later (docs.nvidia.com, "Kernel Modules")


def nvidia_flavour(accelerator: str) -> str:
    """Return the kernel module flavour for an accelerator of the catalog: `open` if supported."""
    capability = load_accelerator(accelerator).compute_capability
    return "open" if capability and float(capability) >= _OPEN_FROM else "proprietary"


def install_needed(facts: Mapping[str, Any], policy: str, branch: str, version: str) -> bool:
    """Return whether a driver has to be installed.

    `policy`: `missing` installs a driver if there is none, `upgrade` also replaces one of another version, `never`
    does neither. A driver that is installed but not loaded, or broken, needs a restart or an administrator, not another
    installation.
    """
    installed = str(facts.get("library_version") or facts.get("driver_version") or facts.get("module_version") or "")
    if policy == "never":
        return False
    if not installed:
        return True
    wanted = version or branch
    return policy == "upgrade" and installed != wanted and not installed.startswith(f"{wanted}.")


def restart_due(facts: Mapping[str, Any]) -> Message | None:
    """Return why the node must be restarted before its driver works; None if it need not."""
    module, library = facts.get("module_version", ""), facts.get("library_version", "")
    if "nouveau" in facts.get("modules", []):
        return Message("", N_("the driver nouveau uses the accelerators"))
    if module and library and module != library:
        reason = N_("the loaded kernel module is {module}, but the libraries are {library}")
        return Message("", reason, module=module, library=library)
    return None


def gpudirect_by_peermem(facts: Mapping[str, Any], fabric: Mapping[str, Any]) -> bool:
    """Return whether RDMA needs nvidia_peermem: there are RDMA devices, and the driver lacks DMA-BUF support."""
    return bool(fabric.get("rdma")) and bool(facts.get("module_version")) and not shares_by_dmabuf(facts)
