#!/usr/bin/python
"""Workers of a GPUStack server, compared with the inventory's nodes and accelerators."""

from __future__ import annotations

from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.gpustack.api import GPUStackError, Server, unknown_form
from ansible.module_utils.gpustack.status import describe_workers, workers_status
from ansible.module_utils.messages import progress

DOCUMENTATION = r"""
---
module: gpustack_worker_facts
short_description: Return the workers of a GPUStack server and their accelerators
description:
  - Queries the server's API as administrator. Does not fail if the server does, so that a task can wait with C(until).
options:
  url:
    description: URL of the server without a path.
    type: str
    required: true
  password:
    description: Password of the account C(admin).
    type: str
    required: true
  nodes:
    description: IPv4 addresses of the nodes that belong to it.
    type: list
    elements: str
    required: true
  accelerators:
    description: Total number of accelerators of all nodes, the same number on each.
    type: int
    required: true
author: [inferfleet]
"""

EXAMPLES = r"""
- name: Wait for both nodes
  gpustack_worker_facts:
    url: http://127.0.0.1:8000
    password: "{{ preflight_secrets.gpustack_admin_password }}"
    nodes: [10.0.0.1, 10.0.0.2]
    accelerators: 16
  register: workers
  until: workers.ready
"""

RETURN = r"""
ready:
  description: Whether exactly these nodes are ready workers, each with all its accelerators.
  returned: always
  type: bool
refused:
  description: Whether the password is wrong, so that waiting is useless.
  returned: always
  type: bool
version:
  description: Version of the server; empty if it is unreachable.
  returned: always
  type: str
workers:
  description: C(address), C(name), C(state), C(message) and C(accelerators) of every worker.
  returned: always
  type: list
progress:
  description: C(text), present and missing parts, as C(code), C(message), C(template) and C(parameters).
  returned: always
  type: dict
problems:
  description: The same message in a list; empty if C(ready) is true.
  returned: always
  type: list
"""


def main() -> None:
    """Entry point of the module."""
    module = AnsibleModule(
        argument_spec={
            "url": {"type": "str", "required": True},
            "password": {"type": "str", "required": True, "no_log": True},
            "nodes": {"type": "list", "elements": "str", "required": True},
            "accelerators": {"type": "int", "required": True},
        },
        supports_check_mode=True,
    )
    params = module.params
    server = Server(params["url"], params["password"])
    result: dict[str, Any] = {"ready": False, "refused": False, "version": "", "workers": []}
    try:
        result["version"] = server.version
        result["workers"] = describe_workers(server.entries("/workers"))
        result["ready"], text = workers_status(result["workers"], params["nodes"], params["accelerators"])
    except GPUStackError as problem:
        result["refused"] = problem.status == 401
        text = problem.message
    except (LookupError, TypeError, AttributeError) as error:
        text = unknown_form(params["url"], error)
    module.exit_json(changed=False, **progress(text, result["ready"]), **result)


if __name__ == "__main__":
    main()
