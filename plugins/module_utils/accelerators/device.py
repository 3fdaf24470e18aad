"""The record of one accelerator, the same for all vendors, and its health warnings."""

from __future__ import annotations

import re

from ansible.module_utils.messages import N_, Message


def device(index, name, **known):
    """Return the record of a device; values that its tool does not report are empty."""
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
    """Return a non-negative integer, 0 for anything else."""
    return int(text) if text and re.match(r"\d+$", text.strip()) else 0


def health(devices):
    """Return the health warnings of the devices, as messages in JSON form."""
    found = []
    for record in devices:
        index = record["index"]
        if record["mig"] == "Enabled":
            found.append(Message("mig-enabled", N_("MIG is enabled on accelerator {index}."), index=index))
        if record["ecc_uncorrectable"]:
            errors = N_("Accelerator {index} has {count} uncorrectable memory errors.")
            found.append(Message("ecc-errors", errors, index=index, count=record["ecc_uncorrectable"]))
        if record["persistence"] == "Disabled":
            off = N_("Persistence mode is disabled on accelerator {index}.")
            found.append(Message("persistence-off", off, index=index))
    return [message.as_dict() for message in found]
