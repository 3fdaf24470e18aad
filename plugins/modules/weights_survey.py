#!/usr/bin/python
"""Returns the files of a model that a node lacks, and the free space for them."""

from __future__ import annotations

import os

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.filesystem import existing_parent, mount
from ansible.module_utils.messages import N_, Message
from ansible.module_utils.weights import manifest
from ansible.module_utils.weights.store import staging_of

DOCUMENTATION = r"""
---
module: weights_survey
short_description: Return the missing files of a model and the free space
description:
  - Compares names and stamps; does not hash and changes nothing.
options:
  path:
    description: Final folder of the model.
    type: path
    required: true
  files:
    description: The manifest's files.
    type: dict
    required: true
author: [inferfleet]
"""

EXAMPLES = r"""
- name: Read the missing files
  weights_survey:
    path: /data/models/deepseek-ai/DeepSeek-R1
    files: "{{ manifest.files }}"
"""

RETURN = r"""
path:
  description: The folder.
  returned: always
  type: str
missing:
  description: Files that are missing, different or not verified.
  returned: always
  type: list
  elements: str
bytes_missing:
  description: Total size of the missing files.
  returned: always
  type: int
bytes_needed:
  description: The same, less the files staged by an earlier run.
  returned: always
  type: int
local:
  description: Whether the folder is on a local disk of the node.
  returned: always
  type: bool
"""

# File systems on a local disk. All others may be shared between nodes.
LOCAL = {"bcachefs", "btrfs", "exfat", "ext2", "ext3", "ext4", "f2fs", "jfs", "overlay", "ramfs", "tmpfs", "xfs", "zfs"}


def staged_bytes(path):
    """Return the bytes on disk below a model's staging folder, without hard-linked files."""
    total = 0
    for folder, _, names in os.walk(staging_of(path)):
        for name in names:
            info = os.lstat(os.path.join(folder, name))
            total += info.st_blocks * 512 if info.st_nlink == 1 else 0
    return total


def survey(path, files):
    """Return the module's result."""
    _, missing = manifest.survey(path, files)
    parent = os.path.realpath(existing_parent(path))
    space = os.statvfs(parent)
    _, point, kind = mount(parent)
    writable = os.access(parent, os.W_OK) and not space.f_flag & os.ST_RDONLY
    lacking = sum(files[name]["size"] for name in missing)
    read_only, denied = N_("it is mounted read-only"), N_("permission denied")
    return {
        "path": path,
        "missing": missing,
        "bytes_missing": lacking,
        "bytes_needed": max(0, lacking - staged_bytes(path)),
        "free_bytes": space.f_bavail * space.f_frsize,
        "inodes": space.f_files,
        "free_inodes": space.f_favail,
        "writable": writable,
        "reason": None if writable else Message("", read_only if space.f_flag & os.ST_RDONLY else denied).as_dict(),
        "existing": parent,
        "on_root": point == "/",
        "local": kind in LOCAL,
        "staged": os.path.isdir(staging_of(path)),
    }


def main():
    """Entry point of the module."""
    module = AnsibleModule(
        argument_spec={
            "path": {"type": "path", "required": True},
            "files": {"type": "dict", "required": True},
        },
        supports_check_mode=True,
    )
    module.exit_json(changed=False, **survey(module.params["path"], module.params["files"]))


if __name__ == "__main__":
    main()
