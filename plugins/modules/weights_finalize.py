#!/usr/bin/python
"""Moves the complete output of a conversion to its final folder and writes a manifest."""

from __future__ import annotations

import os

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.filesystem import sync
from ansible.module_utils.messages import N_, Message, failure
from ansible.module_utils.weights import manifest
from ansible.module_utils.weights.store import move_into_place

DOCUMENTATION = r"""
---
module: weights_finalize
short_description: Turn the output of a conversion into a checkpoint with hashes
description:
  - Hashes the files, writes the manifest that M(weights_verify) and M(weights_pull) use, and moves the files
    to the final folder, which stays the same folder for containers that mount it.
  - Fails and moves nothing if a file is missing or empty.
options:
  staging:
    description: Output folder of the conversion, on the same file system as C(path).
    type: path
    required: true
  path:
    description: Final folder; other files in it are removed.
    type: path
    required: true
  files:
    description: Names of all required files.
    type: list
    elements: str
    required: true
  repository:
    description: Name of the checkpoint in the manifest.
    type: str
    required: true
  revision:
    description: Identifier that distinguishes this checkpoint from others of that name.
    type: str
    required: true
author: [inferfleet]
"""

EXAMPLES = r"""
- name: Finalize the converted checkpoint
  weights_finalize:
    staging: /data/models/deepseek-ai/.DeepSeek-R1-mp16.inferfleet-converting
    path: /data/models/deepseek-ai/DeepSeek-R1-mp16
    files: [model0-mp16.safetensors, tokenizer.json]
    repository: DeepSeek-R1-mp16
    revision: "1"
"""

RETURN = r"""
bytes:
  description: Total size of all files in bytes.
  returned: success
  type: int
"""


def size_of(path):
    """Return the size of a file in bytes; 0 if it does not exist."""
    return os.path.getsize(path) if os.path.isfile(path) else 0


def finalize(staging, path, names, about):
    """Move the files; return the manifest's entries and the names of missing or changing files."""
    lacking = [name for name in names if not size_of(os.path.join(staging, name))]
    if lacking:
        return {}, lacking
    for name in names:
        os.chmod(os.path.join(staging, name), 0o644)
        sync(os.path.join(staging, name))
    wanted = {n: {"size": size_of(os.path.join(staging, n)), "algorithm": "sha256", "hash": ""} for n in names}
    entries, bad = manifest.check_all(staging, wanted, os.cpu_count() or 1)
    if bad:
        return {}, bad
    manifest.write_json(os.path.join(staging, manifest.NAME), {**about, "complete": True, "files": entries})
    sync(os.path.join(staging, manifest.NAME))
    move_into_place(staging, path, names)
    sync(path)
    sync(os.path.dirname(path))
    return entries, []


def main():
    """Entry point of the module."""
    module = AnsibleModule(
        argument_spec={
            "staging": {"type": "path", "required": True},
            "path": {"type": "path", "required": True},
            "files": {"type": "list", "elements": "str", "required": True},
            "repository": {"type": "str", "required": True},
            "revision": {"type": "str", "required": True},
        },
    )
    params = module.params
    about = {"repository": params["repository"], "revision": params["revision"], "commit": "", "source": "conversion"}
    entries, lacking = finalize(params["staging"], params["path"], params["files"], about)
    if lacking:
        template = N_("{folder} is not complete: {files} missing, empty or still written to.")
        module.fail_json(**failure(Message("not-complete", template, folder=params["staging"], files=lacking)))
    module.exit_json(changed=True, bytes=sum(entry["size"] for entry in entries.values()))


if __name__ == "__main__":
    main()
