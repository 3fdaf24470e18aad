#!/usr/bin/python
"""State of a model in GPUStack."""

from __future__ import annotations

from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.gpustack.api import GPUStackError, Server, unknown_form
from ansible.module_utils.gpustack.status import instances_status
from ansible.module_utils.messages import N_, Message, progress

DOCUMENTATION = r"""
---
module: gpustack_model_facts
short_description: Return the state of a model in GPUStack
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
  name:
    description: Name of the model.
    type: str
    required: true
  patience:
    description:
      - Seconds after which an instance without a worker, or in error, counts as failed.
      - GPUStack's scheduler checks pending instances every 180 s (C(check_interval) of its Scheduler).
    type: int
    default: 240
author: [inferfleet]
"""

EXAMPLES = r"""
- name: Wait until the model runs
  gpustack_model_facts:
    url: http://127.0.0.1:8000
    password: "{{ preflight_secrets.gpustack_admin_password }}"
    name: deepseek-r1
  register: model
  until: model.ready or model.fatal
"""

RETURN = r"""
ready:
  description: Whether an instance runs.
  returned: always
  type: bool
fatal:
  description: Whether waiting is useless, because no worker fits the model, or its engine keeps failing.
  returned: always
  type: bool
deployed:
  description: Whether GPUStack has the model.
  returned: always
  type: bool
progress:
  description: C(text), the state and GPUStack's message, as C(code), C(message), C(template) and
    C(parameters).
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
            "name": {"type": "str", "required": True},
            "patience": {"type": "int", "default": 240},
        },
        supports_check_mode=True,
    )
    params = module.params
    server = Server(params["url"], params["password"])
    result: dict[str, Any] = {"ready": False, "fatal": False, "deployed": False}
    try:
        models = [model for model in server.entries("/models") if model["name"] == params["name"]]
        result["deployed"] = bool(models)
        text = Message("gpustack-not-deployed", N_("not deployed"))
        if models:
            instances = [i for i in server.entries("/model-instances") if i["model_id"] == models[0]["id"]]
            result["ready"], result["fatal"], text = instances_status(instances, params["patience"])
        text = Message("gpustack-instance", N_("{name} in GPUStack: {text}"), name=params["name"], text=text)
    except GPUStackError as problem:
        result["fatal"] = problem.status == 401
        text = problem.message
    except (LookupError, TypeError, AttributeError) as error:
        text = unknown_form(params["url"], error)
    module.exit_json(changed=False, **progress(text, result["ready"]), **result)


if __name__ == "__main__":
    main()
