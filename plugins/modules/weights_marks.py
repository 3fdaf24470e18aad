#!/usr/bin/python
"""Finds out which nodes see the same folder, by marks that each leaves there."""

from __future__ import annotations

import contextlib
import os

from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = r"""
---
module: weights_marks
short_description: Which nodes see the same folder
description:
  - Each node first leaves a mark, then looks for those of all, then removes its own. That works with every file system,
    also where nodes know it by different sources and inodes.
  - Marks are looked for by names that nobody has asked for before, so that no cached answer hides them.
options:
  folder:
    description: Where the marks lie.
    type: path
    required: true
  marks:
    description: Name of the mark of each node.
    type: dict
    required: true
  node:
    description: Name of this node among C(marks).
    type: str
    required: true
  step:
    description: What to do.
    type: str
    choices: [leave, look, remove]
    required: true
author: [inferfleet]
"""

EXAMPLES = r"""
- name: Look who sees this folder
  weights_marks:
    folder: /data
    marks: {node1: .inferfleet-mark-4711-node1, node2: .inferfleet-mark-4711-node2}
    node: node1
    step: look
"""

RETURN = r"""
seen:
  description: Nodes whose mark lies in the folder, this one too; after C(look).
  returned: always
  type: list
  elements: str
"""


def mark(folder, marks, node, step):
    """Do one step; return the nodes seen. A folder that cannot be written to holds no mark: the survey tells of it."""
    own = os.path.join(folder, marks[node])
    with contextlib.suppress(OSError):
        if step == "leave":
            os.close(os.open(own, os.O_WRONLY | os.O_CREAT, 0o600))
        elif step == "remove":
            os.unlink(own)
        else:
            return [name for name, file in marks.items() if os.path.exists(os.path.join(folder, file))]
    return []


def main():
    """Entry point of the module."""
    module = AnsibleModule(
        argument_spec={
            "folder": {"type": "path", "required": True},
            "marks": {"type": "dict", "required": True},
            "node": {"type": "str", "required": True},
            "step": {"type": "str", "choices": ["leave", "look", "remove"], "required": True},
        },
        supports_check_mode=False,
    )
    module.exit_json(changed=False, seen=mark(**module.params))


if __name__ == "__main__":
    main()
