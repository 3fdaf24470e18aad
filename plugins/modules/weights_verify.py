#!/usr/bin/python
"""Proves that a model on this node is what its manifest says."""

from __future__ import annotations

import hashlib
import json
import os
import time

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.weights import manifest

DOCUMENTATION = r"""
---
module: weights_verify
short_description: Whether a model's files are what their manifest says
description:
  - By stamps (size, time, inode), in milliseconds; C(deep) hashes every file, as fast as disk and processors allow.
  - A file that is wrong is struck from the manifest, so that the next M(weights_pull) brings it anew.
options:
  path:
    description: Folder of the model.
    type: path
    required: true
  deep:
    description: Hash every file.
    type: bool
    default: false
  workers:
    description: Files hashed at the same time; 0 is one for each processor.
    type: int
    default: 0
author: [inferfleet]
"""

EXAMPLES = r"""
- name: Hash everything
  weights_verify:
    path: /data/models/deepseek-ai/DeepSeek-R1
    deep: true
"""

RETURN = r"""
complete:
  description: Whether every file of the manifest is there and right.
  returned: always
  type: bool
wrong:
  description: Files that are not.
  returned: always
  type: list
  elements: str
bytes:
  description: Size of all files of the manifest.
  returned: always
  type: int
seconds:
  description: Time that it took.
  returned: always
  type: float
deep:
  description: Whether the files were hashed.
  returned: always
  type: bool
limited_by:
  description: C(processors) or C(disk), whichever kept the hashing from being faster; empty without hashing.
  returned: always
  type: str
digest:
  description: SHA-256 over the names, sizes and hashes of all files; the same on nodes that hold the same.
  returned: always
  type: str
"""


BUSY = 0.8  # share of a worker's time on a processor from which the processor is the limit


def digest_of(files):
    """Return one hash for all files, whatever their stamps."""
    told = {name: [entry["size"], entry["algorithm"], entry["hash"]] for name, entry in sorted(files.items())}
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()


def limit(seconds, cpu_seconds, workers):
    """Return what kept `workers` from hashing faster: they wait for the disk, or they are busy all the time."""
    return "processors" if cpu_seconds > BUSY * seconds * workers else "disk"


def verify(path, deep, workers):
    """Return the module's result; strikes from the manifest what is wrong."""
    found, began, cpu = manifest.read(path), time.monotonic(), time.process_time()
    files = found.get("files", {})
    good, wrong = manifest.survey(path, files, files)
    limited_by = ""
    if deep:
        workers = min(workers or os.cpu_count() or 1, max(1, len(good)))
        good, damaged = manifest.check_all(path, {n: files[n] for n in good}, workers)
        wrong += damaged
        limited_by = limit(time.monotonic() - began, time.process_time() - cpu, workers)
    if deep and wrong:
        manifest.write_json(os.path.join(path, manifest.NAME), {**found, "complete": False, "files": good})
    seconds = time.monotonic() - began
    return {
        "changed": bool(deep and wrong),
        "complete": bool(files) and found.get("complete", False) and not wrong,
        "wrong": sorted(wrong),
        "digest": digest_of(files),
        "bytes": sum(entry["size"] for entry in files.values()),
        "seconds": seconds,
        "deep": deep,
        "limited_by": limited_by,
        "about": {key: value for key, value in found.items() if key != "files"},
    }


def main():
    """Entry point of the module."""
    module = AnsibleModule(
        argument_spec={
            "path": {"type": "path", "required": True},
            "deep": {"type": "bool", "default": False},
            "workers": {"type": "int", "default": 0},
        },
        supports_check_mode=True,
    )
    params = module.params
    module.exit_json(**verify(params["path"], params["deep"] and not module.check_mode, params["workers"]))


if __name__ == "__main__":
    main()
