"""NVIDIA accelerators, read with `nvidia-smi`."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree

from ansible.module_utils.accelerators.device import device, number
from ansible.module_utils.accelerators.tool import ToolError, run_tool
from ansible.module_utils.messages import N_, Message

TOOL = "nvidia-smi"
ARGUMENTS = ["-q", "-x"]
# Most drivers' nvidia-smi XML lacks the compute capability; it follows from the architecture, Ampere has two.
_CAPABILITY = {"Volta": "7.0", "Turing": "7.5", "Hopper": "9.0", "Blackwell": "10.0"}
_AMPERE_SMALL = ("A10", "A16", "A2", "A40", "RTX")


def parse(text):
    """Return the facts of `nvidia-smi -q -x`; raises ToolError for anything else."""
    start = text.find("<nvidia_smi_log")
    try:
        root = ElementTree.fromstring(text[start:] if start > 0 else text)
    except ElementTree.ParseError as error:
        no_xml = N_("`nvidia-smi -q -x` does not print XML: {reason}.")
        raise ToolError(Message("tool-invalid-output", no_xml, reason=str(error))) from None
    if root.tag != "nvidia_smi_log":
        other = N_("`nvidia-smi -q -x` prints <{tag}>, not <nvidia_smi_log>.")
        raise ToolError(Message("tool-invalid-output", other, tag=root.tag[:40]))
    devices, capability = [], ""
    for index, gpu in enumerate(root.findall("gpu")):
        devices.append(
            device(
                index,
                _text(gpu, "product_name"),
                uuid=_text(gpu, "uuid"),
                bus=gpu.get("id", ""),
                memory_mib=_mib(_text(gpu, "fb_memory_usage/total")),
                memory_used_mib=_mib(_text(gpu, "fb_memory_usage/used")),
                mig=_switch(_text(gpu, "mig_mode/current_mig")),
                persistence=_switch(_text(gpu, "persistence_mode")),
                ecc=_switch(_text(gpu, "ecc_mode/current_ecc")),
                ecc_uncorrectable=_uncorrectable(gpu),
                fabric_state=_state(_text(gpu, "fabric/state")),
            )
        )
        capability = capability or _capability(gpu)
    return {
        "driver_version": _text(root, "driver_version"),
        "cuda_version": _text(root, "cuda_version"),
        "compute_capability": capability,
        "accelerators": devices,
        "processes": _processes(root),
    }


def fabric_manager_version(find, timeout):
    """Return the version of NVIDIA's fabric manager; empty if it is not installed or does not respond."""
    path = find("nv-fabricmanager")
    if not path:
        return ""
    try:
        found = re.search(r"(\d+\.\d+(?:\.\d+)*)", run_tool([path, "--version"], timeout))
    except ToolError:
        return ""
    return found.group(1) if found else ""


def _processes(root):
    return [
        {
            "index": index,
            "pid": number(_text(entry, "pid")),
            "name": _text(entry, "process_name"),
            "memory_mib": _mib(_text(entry, "used_memory")),
            "ours": False,
        }
        for index, gpu in enumerate(root.findall("gpu"))
        for entry in gpu.findall("processes/process_info")
    ]


def _text(node, path):
    found = node.find(path)
    return (found.text or "").strip() if found is not None else ""


def _mib(text):
    found = re.match(r"(\d+)\s*MiB", text)
    return int(found.group(1)) if found else 0


def _switch(text):
    return text if text in ("Enabled", "Disabled") else ""


def _state(text):
    return "" if text in ("N/A", "Not Supported") else text


def _uncorrectable(gpu):
    volatile = gpu.find("ecc_errors/volatile")
    if volatile is None:
        return 0
    total = 0
    for entry in volatile.iter():
        # Newer drivers count by kind (dram_uncorrectable, sram_uncorrectable_parity), older ones by bits.
        if "uncorrectable" in entry.tag:
            total += number(entry.text)
    double = volatile.find("double_bit/total")
    return total + (number(double.text) if double is not None else 0)


def _capability(gpu):
    reported = _text(gpu, "compute_cap")
    if re.match(r"\d+\.\d+$", reported):
        return reported
    architecture, product = _text(gpu, "product_architecture"), _text(gpu, "product_name")
    if architecture == "Ampere":
        small = any(re.search(rf"\b{name}\b", product) for name in _AMPERE_SMALL)
        return "8.6" if small else "8.0"
    if architecture in ("Ada Lovelace", "Ada"):
        return "8.9"
    return _CAPABILITY.get(architecture, "")
