#!/usr/bin/python
"""Detects which nodes share a folder, by a marker file that each node creates in it."""

from __future__ import annotations

import contextlib
import os

from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = r"""
---
module: weights_markers
short_description: Detect the nodes that share a folder
description:
  - Each node creates a marker file, then searches for the markers of all nodes, then removes its own. This works with
    every file system, also where nodes mount it from different sources and see different inodes.
  - Marker names are unique per run, so that a cached lookup cannot hide them.
options:
  folder:
    description: Folder of the marker files.
    type: path
    required: true
  markers:
    description: File name of each node's marker.
    type: dict
    required: true
  node:
    description: Name of this node among C(markers).
    type: str
    required: true
  step:
    description: Create this node's marker, find the markers of all nodes, or remove this node's marker.
    type: str
    choices: [create, find, remove]
    required: true
author: [inferfleet]
"""

EXAMPLES = r"""
- name: Find the nodes that share /data
  weights_markers:
    folder: /data
    markers: {node1: .inferfleet-marker-4711-node1, node2: .inferfleet-marker-4711-node2}
    node: node1
    step: find
"""

RETURN = r"""
seen:
  description: Nodes whose marker is in the folder, this one included; filled by C(find).
  returned: always
  type: list
  elements: str
"""


def run_step(folder, markers, node, step):
    """Run one step; return the nodes found. An unwritable folder has no marker: weights_survey reports it."""
    own = os.path.join(folder, markers[node])
    with contextlib.suppress(OSError):
        if step == "create":
            os.close(os.open(own, os.O_WRONLY | os.O_CREAT, 0o600))
        elif step == "remove":
            os.unlink(own)
        else:
            return [name for name, file in markers.items() if os.path.exists(os.path.join(folder, file))]
    return []


def main():
    """Entry point of the module."""
    module = AnsibleModule(
        argument_spec={
            "folder": {"type": "path", "required": True},
            "markers": {"type": "dict", "required": True},
            "node": {"type": "str", "required": True},
            "step": {"type": "str", "choices": ["create", "find", "remove"], "required": True},
        },
        supports_check_mode=False,
    )
    module.exit_json(changed=False, seen=run_step(**module.params))


if __name__ == "__main__":
    main()
