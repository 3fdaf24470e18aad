#!/usr/bin/python
"""Gives files that a program has made their final name, with a manifest, once all of them are there."""

from __future__ import annotations

import os
import shutil

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.filesystem import sync
from ansible.module_utils.messages import N_, Message, failure
from ansible.module_utils.weights import manifest

DOCUMENTATION = r"""
---
module: weights_finalize
short_description: Files that a program has made become a checkpoint with hashes
description:
  - Hashes the files, writes the manifest that M(weights_verify) and M(weights_pull) know, and renames the folder.
  - Ends, and renames nothing, where a file is missing or empty.
options:
  staging:
    description: Folder that the program wrote into, on the same file system as C(path).
    type: path
    required: true
  path:
    description: Final folder; what has that name is replaced.
    type: path
    required: true
  files:
    description: Names of all files that have to be there.
    type: list
    elements: str
    required: true
  repository:
    description: Name of the checkpoint, as the manifest tells it.
    type: str
    required: true
  revision:
    description: What tells this checkpoint from others of that name.
    type: str
    required: true
author: [inferfleet]
"""

EXAMPLES = r"""
- name: Give it its name
  weights_finalize:
    staging: /data/models/deepseek-ai/.DeepSeek-R1-mp16.inferfleet-converting
    path: /data/models/deepseek-ai/DeepSeek-R1-mp16
    files: [model0-mp16.safetensors, tokenizer.json]
    repository: DeepSeek-R1-mp16
    revision: "1"
"""

RETURN = r"""
bytes:
  description: Size of all files.
  returned: success
  type: int
"""


def size_of(path):
    """Return a file's size in bytes; 0 where there is none."""
    return os.path.getsize(path) if os.path.isfile(path) else 0


def seal(staging, path, names, about):
    """Rename the folder; return the manifest's entries, or the names of the files that are not there."""
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
    shutil.rmtree(path, ignore_errors=True)
    os.rename(staging, path)
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
    asked = module.params
    about = {"repository": asked["repository"], "revision": asked["revision"], "commit": "", "source": "conversion"}
    entries, lacking = seal(asked["staging"], asked["path"], asked["files"], about)
    if lacking:
        template = N_("{folder} is not complete: {files} missing, empty or still written to.")
        module.fail_json(**failure(Message("not-complete", template, folder=asked["staging"], files=lacking)))
    module.exit_json(changed=True, bytes=sum(entry["size"] for entry in entries.values()))


if __name__ == "__main__":
    main()
