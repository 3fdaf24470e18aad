#!/usr/bin/python
"""Locks a node for one run, so that no other run changes it meanwhile; stdlib only, since it runs on the node."""

from __future__ import annotations

import os

from ansible.module_utils import converged
from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.change_lock import IDENTITY, PATH, release, take

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
    description:
      - The file, in a folder that only root can write to; C(/run/inferfleet/change-lock.json) by default. The record is
        in the same folder.
    type: path
  inputs:
    description: Digests of what the run reads, by name; empty if it is no deployment whose plays may be skipped.
    type: dict
    default: {}
  options:
    description: What is observed (inferfleet.converged.node_options).
    type: dict
    default: {}
  outcome:
    description:
      - With O(state=absent), whether a complete deployment has C(converged), so that its state is recorded if that is
        the one of its beginning, or has C(failed), so that nothing remains recorded.
    type: str
    choices: ["", converged, failed]
    default: ""
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
unrecorded:
  description:
    - First differences between the beginning and the end of a run with O(outcome=converged), for which the node does
      not record it; empty if it does.
  returned: always
  type: list
  elements: str
"""


def end(folder: str, run: dict, outcome: str) -> list:
    """Record the state of a complete run that has converged; after a failure, nothing remains recorded.

    Return what differed from the beginning of a run that has converged, so that it is not recorded.
    """
    differences = []
    if outcome == "converged":
        run_id = " ".join(str(run.get(key)) for key in IDENTITY)
        differences = converged.finish(folder, run_id, str(run.get("started", "")))
    converged.drop_pending(folder)
    if outcome == "failed":
        converged.forget(folder)
    return differences


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "run": {"type": "dict", "required": True},
            "stale": {"type": "dict", "default": {}},
            "path": {"type": "path"},
            "inputs": {"type": "dict", "default": {}},
            "options": {"type": "dict", "default": {}},
            "outcome": {"type": "str", "choices": ["", "converged", "failed"], "default": ""},
        },
        supports_check_mode=True,
    )
    path, run = module.params["path"] or PATH, module.params["run"]
    folder = os.path.dirname(path)
    result: tuple[dict, float] = ({}, 0.0)
    unrecorded: list = []
    if module.check_mode:
        pass
    elif module.params["state"] == "absent":
        unrecorded = end(folder, run, module.params["outcome"])
        release(path, run)
    else:
        result = take(path, run, module.params["stale"])
        if not result[0] and module.params["inputs"]:
            converged.begin(folder, module.params["inputs"], module.params["options"])
        elif not result[0]:
            converged.forget(folder)
    holder, age = result
    # The lock is no change of the node.
    module.exit_json(changed=False, holder=holder, age=age, lock=path, unrecorded=unrecorded)


if __name__ == "__main__":
    main()
