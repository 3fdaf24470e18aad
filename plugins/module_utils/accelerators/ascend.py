"""Huawei Ascend accelerators, read with `npu-smi`."""

from __future__ import annotations

import re

from ansible.module_utils.accelerators.device import device
from ansible.module_utils.accelerators.tool import ToolError
from ansible.module_utils.messages import N_, Message

TOOL = "npu-smi"
ARGUMENTS = ["info"]


def parse(text):
    """Return the facts of `npu-smi info`'s table; raises ToolError for anything else."""
    version = re.search(r"npu-smi\s+\S+\s+Version:\s*(\S+)", text)
    if not version:
        raise ToolError(Message("tool-invalid-output", N_("`npu-smi info` does not print its table.")))
    devices: list[dict] = []
    product = ""
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if len(cells) != 3 or not line.strip().startswith("|"):
            continue
        first = re.match(r"(\d+)\s+(\S*910\S*|\S*310\S*)$", cells[0])
        if first:
            product, health = first.group(2), cells[1].split()[:1]
            devices.append(device(len(devices), product))
            if health and health[0] not in ("OK", "Warning"):
                devices[-1]["ecc_uncorrectable"] = 1
        elif devices and re.match(r"\d+", cells[0]):
            # The second line of a device ends with its memory: used / total (MB).
            sizes = re.findall(r"(\d+)\s*/\s*(\d+)", cells[2])
            if sizes:
                devices[-1]["memory_used_mib"], devices[-1]["memory_mib"] = (int(size) for size in sizes[-1])
            devices[-1]["bus"] = cells[1]
    return {"driver_version": version.group(1), "accelerators": devices}
