"""The record of one accelerator, the same for all vendors, and what of it deserves attention."""

from __future__ import annotations

import re


def device(index, name, **known):
    """Return the record of a device; what its tool does not report stays empty."""
    record = {
        "index": index,
        "name": name,
        "uuid": "",
        "bus": "",
        "memory_mib": 0,
        "memory_used_mib": 0,
        "mig": "",
        "persistence": "",
        "ecc": "",
        "ecc_uncorrectable": 0,
        "fabric_state": "",
    }
    record.update(known)
    return record


def number(text):
    """Return a number of digits only, 0 for anything else."""
    return int(text) if text and re.match(r"\d+$", text.strip()) else 0


def health(devices):
    """Return what of the devices deserves attention, as problems."""
    found = []
    for record in devices:
        index = record["index"]
        if record["mig"] == "Enabled":
            found.append({"code": "mig-enabled", "message": f"Accelerator {index} is divided by MIG."})
        if record["ecc_uncorrectable"]:
            count = record["ecc_uncorrectable"]
            found.append({"code": "ecc-errors", "message": f"Accelerator {index} has {count} uncorrectable errors."})
        if record["persistence"] == "Disabled":
            found.append({"code": "persistence-off", "message": f"Persistence mode of accelerator {index} is off."})
    return found
