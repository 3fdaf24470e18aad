"""Kernel facts about a node's accelerators."""

from __future__ import annotations

import glob
import os
import re

from ansible.module_utils.accelerators.kernel_log import events, kernel_log, uptime
from ansible.module_utils.accelerators.pci import acs_bridges, pci_devices
from ansible.module_utils.filesystem import read_below
from ansible.module_utils.processes import process_ids

DAEMONS = ("nv-fabricmanager", "nvidia-persistenced")
MODULES = ("nouveau", "nvidia", "nvidia_peermem", "nv_peer_mem", "amdgpu", "vastai_pci")


def kernel_side(root, vendor):
    """Return the kernel's facts about the node's accelerators, independent of the vendor's tool."""
    version = read_below(root, "proc/driver/nvidia/version")
    found = re.search(r"(\d+\.\d+(?:\.\d+)?)", version)
    flavour = "open" if "Open Kernel Module" in version else "proprietary"
    return {
        "pci": pci_devices(root, vendor),
        "module_version": found.group(1) if found else "",
        "module_flavour": flavour if found else "",
        "library_version": library_version(root),
        "iommu": bool(glob.glob(os.path.join(root, "sys/class/iommu/*"))),
        "acs_bridges": acs_bridges(root),
        "kernel": read_below(root, "proc/sys/kernel/osrelease").strip(),
        "modules": [name for name in MODULES if os.path.isdir(os.path.join(root, "sys/module", name))],
        "daemons": daemons(root),
        "events": events(kernel_log(os.path.join(root, "dev/kmsg")), uptime(root)),
    }


def library_version(root):
    """Return the version of the installed libnvidia-ml; empty if there is none."""
    for folder in ("usr/lib/*-linux-gnu", "usr/lib64", "usr/lib"):
        for path in sorted(glob.glob(os.path.join(root, folder, "libnvidia-ml.so.*.*"))):
            return os.path.basename(path).split(".so.")[1]
    return ""


def daemons(root):
    """Return the running daemons among DAEMONS."""
    names = {read_below(root, f"proc/{pid}/comm").strip() for pid in process_ids(root)}
    return [name for name in DAEMONS if name[:15] in names]  # the kernel truncates names to 15 characters
