#!/usr/bin/python
"""Returns the engine's rank processes on a node."""

from __future__ import annotations

import re

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.processes import command_lines

DOCUMENTATION = r"""
---
module: engine_ranks
short_description: List the processes of a node that run a rank of the engine
description:
  - vLLM's own executor names the process of a rank C(VLLM::Worker…), Ray names it after its actor,
    C(ray::RayWorker…), SGLang C(sglang::scheduler…).
  - Reads the process list, so that only running ranks count.
options:
  pattern:
    description: Regular expression of the process titles, the catalog's C(rank_processes). Empty matches none.
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
  description: Titles of the processes that run a rank.
  returned: always
  type: list
  elements: str
"""


def titles(pattern: str) -> list[str]:
    """Return the titles of the processes that run a rank."""
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
