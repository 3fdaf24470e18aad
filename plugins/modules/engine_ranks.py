#!/usr/bin/python
"""Counts the engine's ranks on a node by looking at its processes."""

from __future__ import annotations

import re

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.processes import command_lines

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
    found = (" ".join(words).strip() for _, words in command_lines())
    return sorted(title for title in found if rank.match(title))


def main() -> None:
    """Entry point of the module."""
    module = AnsibleModule(
        argument_spec={"pattern": {"type": "str", "default": "^(VLLM::Worker|ray::RayWorker)"}},
        supports_check_mode=True,
    )
    module.exit_json(changed=False, ranks=titles(module.params["pattern"]))


if __name__ == "__main__":
    main()
