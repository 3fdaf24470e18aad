"""Errors of NVIDIA's driver (Xid) in the kernel log."""

from __future__ import annotations

import os
import re

from ansible.module_utils.accelerators.device import number
from ansible.module_utils.filesystem import read_below

# NVRM: Xid (PCI:0000:3b:00): 79, pid=1234, name=python, GPU has fallen off the bus.
_XID = re.compile(r"NVRM: Xid \((?:PCI:)?([0-9a-fA-F:.]+)\): (\d+), ?(.*)")


def kernel_log(path):
    """Return the lines of the kernel log in the format of /dev/kmsg; none if it is not readable."""
    records: list[bytes] = []
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    except OSError:
        return records
    try:
        while True:
            try:
                record = os.read(handle, 8192)
            except BrokenPipeError:  # the oldest was overwritten meanwhile
                continue
            except OSError:  # the end, for now
                break
            if not record:
                break
            records.append(record)
    finally:
        os.close(handle)
    # A regular file (unlike /dev/kmsg) is read in blocks that do not match records.
    return b"".join(records).decode("utf-8", "replace").splitlines()


def uptime(root):
    """Return the node's uptime in seconds."""
    words = read_below(root, "proc/uptime").split()
    return float(words[0]) if words else 0.0


def events(lines, now):
    """Return the newest Xid of each kind and device; a line is `level,number,microseconds,flags;text`."""
    found: dict[tuple[str, int], dict] = {}
    for line in lines:
        head, _, text = line.partition(";")
        match = _XID.search(text)
        if not match:
            continue
        stamp = head.split(",")
        written = number(stamp[2]) / 1e6 if len(stamp) > 2 else now
        bus, xid = match.group(1), int(match.group(2))
        count = found[bus, xid]["count"] if (bus, xid) in found else 0
        found[bus, xid] = {
            "xid": xid,
            "bus": bus,
            "age_seconds": max(0, int(now - written)),
            "count": count + 1,
            "text": match.group(3)[:200],
        }
    return list(found.values())
