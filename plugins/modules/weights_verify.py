#!/usr/bin/python
"""Verifies a model on this node against its manifest."""

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
short_description: Verify a model's files against their manifest
description:
  - Compares stamps (size, time, inode), in milliseconds; C(deep) hashes every file, limited by disk and processors.
  - With C(deep), a damaged file is removed from the manifest, so that the next M(weights_pull) fetches it again.
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
    description: Files hashed in parallel; 0 is one per processor.
    type: int
    default: 0
author: [inferfleet]
"""

EXAMPLES = r"""
- name: Hash all files
  weights_verify:
    path: /data/models/deepseek-ai/DeepSeek-R1
    deep: true
"""

RETURN = r"""
complete:
  description: Whether every file of the manifest is present and intact.
  returned: always
  type: bool
wrong:
  description: Missing or damaged files.
  returned: always
  type: list
  elements: str
bytes:
  description: Total size of all files in the manifest in bytes.
  returned: always
  type: int
seconds:
  description: Duration of the verification.
  returned: always
  type: float
deep:
  description: Whether the files were hashed.
  returned: always
  type: bool
limited_by:
  description: Bottleneck of the hashing, C(processors) or C(disk); empty without hashing.
  returned: always
  type: str
digest:
  description: SHA-256 over the names, sizes and hashes of all files; the same on nodes with the same files.
  returned: always
  type: str
"""


BUSY = 0.8  # share of a worker's time on a processor above which the processor is the bottleneck


def digest_of(files):
    """Return one hash over all files, independent of their stamps."""
    contents = {name: [entry["size"], entry["algorithm"], entry["hash"]] for name, entry in sorted(files.items())}
    return hashlib.sha256(json.dumps(contents).encode()).hexdigest()


def bottleneck(seconds, cpu_seconds, workers):
    """Return the bottleneck of the hashing: the disk, or the processors if the workers were busy all the time."""
    return "processors" if cpu_seconds > BUSY * seconds * workers else "disk"


def verify(path, deep, workers):
    """Return the module's result; with `deep`, remove damaged files from the manifest."""
    found, began, cpu = manifest.read(path), time.monotonic(), time.process_time()
    files = found.get("files", {})
    good, wrong = manifest.survey(path, files, files)
    limited_by = ""
    if deep:
        workers = min(workers or os.cpu_count() or 1, max(1, len(good)))
        good, damaged = manifest.check_all(path, {n: files[n] for n in good}, workers)
        wrong += damaged
        limited_by = bottleneck(time.monotonic() - began, time.process_time() - cpu, workers)
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
