#!/usr/bin/python
"""Locks a node for one run, so that no other run changes it meanwhile; stdlib only, since it runs on the node."""

from __future__ import annotations

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.change_lock import PATH, release, take

DOCUMENTATION = r"""
---
module: change_lock
short_description: Lock a node for the run that changes it
description:
  - Creates a file that names the run, or returns the run that the node is locked for. A reboot removes the file.
  - The action plugin of the same name adds the current run, fails with the other run, and replaces a lock whose run no
    longer exists. The callback plugin C(release_change_lock) unlocks the nodes at the end of the run.
options:
  state:
    description: Whether the node is locked for C(run); C(absent) leaves the lock of another run.
    type: str
    choices: [present, absent]
    default: present
  run:
    description: The run; set by the action plugin.
    type: dict
    required: true
  stale:
    description: Another run, which no longer exists; its lock is replaced.
    type: dict
    default: {}
  path:
    description: The file, in a folder that only root can write to; C(/run/inferfleet/change-lock.json) by default.
    type: path
author: [inferfleet]
"""

EXAMPLES = r"""
- name: Lock the node for this run
  change_lock:
"""

RETURN = r"""
holder:
  description: The other run that the node is locked for; empty if there is none.
  returned: always
  type: dict
age:
  description: Seconds since that lock was last renewed.
  returned: always
  type: float
lock:
  description: The file that locks the node.
  returned: always
  type: str
"""


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "run": {"type": "dict", "required": True},
            "stale": {"type": "dict", "default": {}},
            "path": {"type": "path"},
        },
        supports_check_mode=True,
    )
    path, run = module.params["path"] or PATH, module.params["run"]
    result: tuple[dict, float] = ({}, 0.0)
    if module.params["state"] == "present" and not module.check_mode:
        result = take(path, run, module.params["stale"])
    elif not module.check_mode:
        release(path, run)
    holder, age = result
    module.exit_json(changed=False, holder=holder, age=age, lock=path)  # the lock is no change of the node


if __name__ == "__main__":
    main()
