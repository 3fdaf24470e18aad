"""Vastai accelerators, read with `vasmi`."""

from __future__ import annotations

import re

from ansible.module_utils.accelerators.device import device
from ansible.module_utils.accelerators.tool import ToolError
from ansible.module_utils.messages import N_, Message

TOOL = "vasmi"
ARGUMENTS = ["summary"]


def parse(text):
    """Return the facts of `vasmi summary`'s table; raises ToolError for anything else."""
    driver = re.search(r"driver(?:\s+version)?\s*[:=]\s*(\S+)", text, re.IGNORECASE)
    devices: list[dict] = []
    for line in text.splitlines():
        found = re.search(r"\b(VA\d+[A-Z]*|SV\d+[A-Z]*)\b", line)
        sizes = re.findall(r"(\d+(?:\.\d+)?)\s*(GB|GiB|MB|MiB)", line)
        if found and sizes:
            size, unit = sizes[-1]
            scale = 1024 if unit.startswith("G") else 1
            devices.append(device(len(devices), found.group(1), memory_mib=int(float(size) * scale)))
    if not devices and not driver:
        raise ToolError(Message("tool-invalid-output", N_("`vasmi summary` does not print its table.")))
    return {"driver_version": driver.group(1) if driver else "", "accelerators": devices}
