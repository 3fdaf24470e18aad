"""The record of one accelerator, the same for all vendors, and what of it deserves attention."""

from __future__ import annotations

import re

from ansible.module_utils.messages import N_, Message


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
    """Return what of the devices deserves attention, as messages in their JSON form."""
    found = []
    for record in devices:
        index = record["index"]
        if record["mig"] == "Enabled":
            found.append(Message("mig-enabled", N_("Accelerator {index} is divided by MIG."), index=index))
        if record["ecc_uncorrectable"]:
            errors = N_("Accelerator {index} has {count} uncorrectable errors.")
            found.append(Message("ecc-errors", errors, index=index, count=record["ecc_uncorrectable"]))
        if record["persistence"] == "Disabled":
            off = N_("Persistence mode of accelerator {index} is off.")
            found.append(Message("persistence-off", off, index=index))
    return [message.as_dict() for message in found]
