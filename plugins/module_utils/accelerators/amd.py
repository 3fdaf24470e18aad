"""AMD accelerators, read with `rocm-smi`."""

from __future__ import annotations

import json
import re

from ansible.module_utils.accelerators.device import device, number
from ansible.module_utils.accelerators.tool import ToolError
from ansible.module_utils.messages import N_, Message

TOOL = "rocm-smi"
ARGUMENTS = [
    *("--showproductname", "--showmeminfo", "vram", "--showdriverversion", "--showuniqueid", "--showbus"),
    "--json",
]


def parse(text):
    """Return the facts of `rocm-smi … --json`; raises ToolError for anything else."""
    start = text.find("{")
    try:
        data = json.loads(text[start:])
    except ValueError:
        raise ToolError(Message("tool-invalid-output", N_("`rocm-smi --json` does not print JSON."))) from None
    if not isinstance(data, dict):
        raise ToolError(Message("tool-invalid-output", N_("`rocm-smi --json` does not print a JSON object.")))
    devices: list[dict] = []
    for name in sorted((key for key in data if re.match(r"card\d+$", key)), key=lambda key: int(key[4:])):
        card = data[name] if isinstance(data[name], dict) else {}
        folded = {str(key).lower(): str(value) for key, value in card.items()}
        devices.append(
            device(
                len(devices),
                folded.get("card series") or folded.get("card model", ""),
                uuid=folded.get("unique id", ""),
                bus=folded.get("pci bus", ""),
                memory_mib=number(folded.get("vram total memory (b)")) // 2**20,
                memory_used_mib=number(folded.get("vram total used memory (b)")) // 2**20,
            )
        )
    system = data.get("system")
    system = system if isinstance(system, dict) else {}
    return {"driver_version": str(system.get("Driver version", "")), "accelerators": devices}
