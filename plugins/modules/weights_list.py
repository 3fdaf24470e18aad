#!/usr/bin/python
"""Lists the models below a folder."""

from __future__ import annotations

import fcntl
import os
import re

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.weights import manifest
from ansible.module_utils.weights.provided import CACHED, repository_of
from ansible.module_utils.weights.store import STAGING

DOCUMENTATION = r"""
---
module: weights_list
short_description: List the models below a folder, complete or partial
options:
  root:
    description: Folder that contains C(owner/name) folders.
    type: path
    required: true
author: [inferfleet]
"""

EXAMPLES = r"""
- name: List the models of the node
  weights_list:
    root: /data/models
"""

RETURN = r"""
models:
  description:
    - Each with C(repository), C(commit), C(state), C(bytes) (on disk) and C(path).
    - The state is C(complete), C(downloading), C(partial) (a download was interrupted) or C(unknown) (no manifest).
  returned: always
  type: list
  elements: dict
"""


LEFTOVER = re.compile(re.escape(STAGING) + "(-old)?$")  # folder of an interrupted download


def bytes_below(path):
    """Return the bytes on disk below a folder; a hard-linked file counts once."""
    seen, total = set(), 0
    for folder, _, names in os.walk(path):
        for name in names:
            info = os.lstat(os.path.join(folder, name))
            if info.st_ino not in seen:
                seen.add(info.st_ino)
                total += info.st_blocks * 512
    return total


def downloading(path):
    """Return whether a download to the final folder `path` is running: it holds a lock."""
    try:
        with open(manifest.run_file(path, "lock")) as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


def describe(path, repository):
    """Return one entry of the module's result."""
    found, name = manifest.read(path), os.path.basename(path)
    state = "complete" if found.get("complete") else "unknown"
    if LEFTOVER.search(name):
        name = LEFTOVER.sub("", name)[1:]
        repository = f"{os.path.dirname(repository)}/{name}"
        state = "downloading" if downloading(os.path.join(os.path.dirname(path), name)) else "partial"
    return {
        "repository": found.get("repository") or repository,
        "commit": found.get("commit", ""),
        "state": state,
        "bytes": bytes_below(path),
        "path": path,
    }


def models(root):
    """Return the models below `root`."""
    found = []
    for owner in sorted(os.listdir(root)) if os.path.isdir(root) else []:
        folder = os.path.join(root, owner)
        if owner.startswith(CACHED):  # Hugging Face's cache
            found.append(describe(folder, repository_of(owner)))
            continue
        for name in sorted(os.listdir(folder)) if os.path.isdir(folder) else []:
            path = os.path.join(folder, name)
            known = LEFTOVER.search(name) or not name.startswith(".")
            if os.path.isdir(path) and known:
                found.append(describe(path, f"{owner}/{name}"))
    return found


def main():
    """Entry point of the module."""
    module = AnsibleModule(argument_spec={"root": {"type": "path", "required": True}}, supports_check_mode=True)
    module.exit_json(changed=False, models=models(module.params["root"]))


if __name__ == "__main__":
    main()
