#!/usr/bin/python
"""Compares the files of a service with those that it was started with; stdlib only, since it runs on the node."""

from __future__ import annotations

import hashlib
import os

from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = r"""
---
module: applied_files
short_description: Compare the files of a service with those that it was started with
description:
  - A handler that restarts a service is lost when a run is interrupted after it has written the files. This module
    records the checksum of the files, and reports a change as long as the service was not started with them.
  - Without a record, the present files are recorded - the service starts after the first deployment has written them.
options:
  name:
    description: Name of the service.
    type: str
    required: true
  files:
    description: Paths of the files that it reads at its start.
    type: list
    elements: path
    required: true
  state:
    description: C(compared) reports whether they differ from the recorded ones, C(applied) records them.
    type: str
    choices: [compared, applied]
    default: compared
  folder:
    description: Folder of the records.
    type: path
    default: /var/lib/inferfleet/applied
author: [inferfleet]
"""

EXAMPLES = r"""
- name: Check whether the service was started with its present files
  applied_files:
    name: webui
    files: [/etc/inferfleet/webui.env]
  notify: Restart the service
"""

RETURN = r"""
applied:
  description: Whether the service was started with the files.
  returned: always
  type: bool
"""


def checksum(files):
    """Return a checksum of names and contents; a file that does not exist differs from an empty one."""
    total = hashlib.sha256()
    for path in sorted(files):
        try:
            with open(path, "rb") as file:
                content = hashlib.sha256(file.read()).hexdigest()
        except FileNotFoundError:
            content = "-"
        total.update(f"{path}\n{content}\n".encode())
    return total.hexdigest()


def read(path):
    """Return the recorded checksum; empty if there is none."""
    try:
        with open(path, encoding="utf-8") as file:
            return file.read().strip()
    except FileNotFoundError:
        return ""


def record(path, value):
    """Write the record atomically."""
    os.makedirs(os.path.dirname(path), mode=0o755, exist_ok=True)
    with open(f"{path}.new", "w", encoding="utf-8") as file:
        file.write(f"{value}\n")
    os.replace(f"{path}.new", path)


def main():
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "name": {"type": "str", "required": True},
            "files": {"type": "list", "elements": "path", "required": True},
            "state": {"type": "str", "choices": ["compared", "applied"], "default": "compared"},
            "folder": {"type": "path", "default": "/var/lib/inferfleet/applied"},
        },
        supports_check_mode=True,
    )
    path = os.path.join(module.params["folder"], module.params["name"])
    present, recorded = checksum(module.params["files"]), read(path)
    if not module.check_mode and present != recorded and (module.params["state"] == "applied" or not recorded):
        record(path, present)
    applied = module.params["state"] == "applied" or recorded in ("", present)
    module.exit_json(changed=not applied, applied=applied)


if __name__ == "__main__":
    main()
