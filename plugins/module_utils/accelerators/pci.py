"""PCI devices of a node from sysfs, independent of the driver."""

from __future__ import annotations

import contextlib
import glob
import os

from ansible.module_utils.filesystem import read_below

# PCI vendors, and the classes of their accelerators: 3D and display controllers, processing accelerators (pci.ids).
_VENDORS = {"nvidia": "0x10de", "amd": "0x1002", "ascend": "0x19e5"}
_ACCELERATORS = {"nvidia": ("0x0302", "0x0300"), "amd": ("0x0380", "0x1200"), "ascend": ("0x1200",)}
_VASTAI = "0x0100"  # device number, as in Vastai's own `lspci -d:0100`
_BRIDGE = "0x0680"  # of NVIDIA: an NVSwitch


def pci_devices(root, vendor):
    """Return the addresses of a vendor's accelerators and NVSwitches (NVIDIA's if `vendor` is empty)."""
    vendor = vendor or "nvidia"
    found: dict[str, list[str]] = {"accelerators": [], "switches": []}
    folder = "sys/bus/pci/devices"
    with contextlib.suppress(OSError):
        for address in sorted(os.listdir(os.path.join(root, folder))):

            def attribute(name, address=address):
                return read_below(root, f"{folder}/{address}/{name}").strip()

            if vendor == "vastai":
                if attribute("device") == _VASTAI:
                    found["accelerators"].append(address)
            elif attribute("vendor") == _VENDORS[vendor]:
                kind = attribute("class")[:6]
                if kind in _ACCELERATORS[vendor]:
                    found["accelerators"].append(address)
                elif kind == _BRIDGE and vendor == "nvidia":
                    found["switches"].append(address)
    return found


def acs_bridges(root):
    """Return the PCI bridges whose Access Control Services redirect requests or completions."""
    found = []
    for path in sorted(glob.glob(os.path.join(root, "sys/bus/pci/devices/*/config"))):
        address = os.path.basename(os.path.dirname(path))
        if not read_below(root, f"sys/bus/pci/devices/{address}/class").startswith("0x0604"):
            continue
        try:
            with open(path, "rb") as file:
                config = file.read(4096)
        except OSError:
            continue
        if acs_control(config) & 0b1100:  # P2P request redirect, P2P completion redirect
            found.append(address)
    return found


def acs_control(config):
    """Return the ACS control register from a device's configuration space; 0 if it has none (PCI Express, 7.7.11)."""
    offset = 0x100
    for _ in range(96):  # no more capabilities fit
        header = int.from_bytes(config[offset : offset + 4], "little")
        if header & 0xFFFF == 0x000D:
            return int.from_bytes(config[offset + 6 : offset + 8], "little")
        offset = header >> 20
        if offset < 0x100:
            break
    return 0
