#!/usr/bin/python
"""Counts the engine's ranks on a node by looking at its processes."""

from __future__ import annotations

import os
import re

from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = r"""
---
module: engine_ranks
short_description: The processes of a node that hold a rank of the engine
description:
  - vLLM's own executor names the process of a rank C(VLLM::Worker…), Ray names it after its actor,
    C(ray::RayWorker…), SGLang C(sglang::scheduler…).
  - Looks at processes, not at records, so that only a rank that lives now counts.
options:
  pattern:
    description: Regular expression of those processes' titles, the catalog's C(rank_processes). Empty counts none.
    type: str
    default: "^(VLLM::Worker|ray::RayWorker)"
author: [inferfleet]
"""

EXAMPLES = r"""
- name: Count the ranks
  engine_ranks:
  register: ranks
"""

RETURN = r"""
ranks:
  description: Titles of the processes that hold a rank.
  returned: always
  type: list
  elements: str
"""


def titles(pattern: str) -> list[str]:
    """Return the titles of the processes that hold a rank."""
    if not pattern:
        return []
    rank = re.compile(pattern)
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as cmdline:
                title = cmdline.read().replace(b"\0", b" ").decode(errors="replace").strip()
        except OSError:  # the process ended meanwhile
            continue
        if rank.match(title):
            found.append(title)
    return sorted(found)


def main() -> None:
    """Entry point of the module."""
    module = AnsibleModule(
        argument_spec={"pattern": {"type": "str", "default": "^(VLLM::Worker|ray::RayWorker)"}},
        supports_check_mode=True,
    )
    module.exit_json(changed=False, ranks=titles(module.params["pattern"]))


if __name__ == "__main__":
    main()
