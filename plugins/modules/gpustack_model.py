#!/usr/bin/python
"""Deploys a model from a local path in GPUStack, or deletes it."""

from __future__ import annotations

import time

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.gpustack.api import GPUStackError, Server, unknown_form
from ansible.module_utils.gpustack.status import MARK, differing, stalled, wanted_model
from ansible.module_utils.messages import N_, Message, failure

DOCUMENTATION = r"""
---
module: gpustack_model
short_description: Deploy a model in GPUStack, served by vLLM from a path on the nodes
description:
  - A model as wanted is not changed. A different one is deleted and deployed again, because GPUStack does not apply
    changes of a model to its running instances. The same holds for a model whose instances lack a worker or are in
    error, because GPUStack retries only after minutes, and its message may be outdated.
  - Other models deployed by this module are deleted, because they occupy accelerators; a user's own are not touched.
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
    description: Name of the model, also for the clients of the OpenAI-compatible API.
    type: str
    required: true
  state:
    description: C(absent) deletes the model and waits until its instances are gone.
    type: str
    choices: [present, absent]
    default: present
  path:
    description: Folder of the weights, the same on every node.
    type: str
  parameters:
    description: Options of C(vllm serve), one per item.
    type: list
    elements: str
    default: []
  spans_workers:
    description: Whether one instance needs the accelerators of several workers.
    type: bool
    default: false
  timeout:
    description: Seconds to wait for the deletion of a model's instances.
    type: int
    default: 120
author: [inferfleet]
"""

EXAMPLES = r"""
- name: Deploy DeepSeek-R1
  gpustack_model:
    url: http://127.0.0.1:8000
    password: "{{ preflight_secrets.gpustack_admin_password }}"
    name: deepseek-r1
    path: /data/models/unsloth/DeepSeek-R1-BF16
    parameters: [--tensor-parallel-size=8, --pipeline-parallel-size=4]
    spans_workers: true
"""

RETURN = r"""
differing:
  description: Fields that differed; empty for a new model.
  returned: always
  type: list
  elements: str
deleted:
  description: Names of the models that were deleted.
  returned: always
  type: list
  elements: str
"""


def instances_of(server: Server, numbers: set[int]) -> list[dict]:
    """Return the instances of some models."""
    return [instance for instance in server.entries("/model-instances") if instance["model_id"] in numbers]


def delete(server: Server, models: list[dict], timeout: int) -> None:
    """Delete models and wait until their instances are gone, so that their accelerators are free."""
    numbers = {model["id"] for model in models}
    for number in numbers:
        server.call("DELETE", f"/models/{number}")
    end = time.monotonic() + timeout
    while numbers and instances_of(server, numbers):
        if time.monotonic() > end:
            names = sorted(model["name"] for model in models)
            template = N_("GPUStack still has instances of {names} {seconds} s after their deletion")
            raise GPUStackError(Message("gpustack-not-deleted", template, names=names, seconds=timeout))
        time.sleep(1)


def converge(server: Server, params: dict, check: bool) -> dict:
    """Deploy or delete the model; return the module's result."""
    models = server.entries("/models")
    present = next((model for model in models if model["name"] == params["name"]), None)
    wanted = {}
    unwanted = [present] if present and params["state"] == "absent" else []
    fields: list[str] = []
    if params["state"] == "present":
        wanted = wanted_model(server.old, params["name"], params["path"], params["parameters"], params["spans_workers"])
        if not server.old:
            wanted["cluster_id"] = server.cluster()
        fields = differing(present, wanted) if present else []
        if present and not fields:
            fields = ["state"] if stalled(instances_of(server, {present["id"]})) else []
        unwanted = [m for m in models if m.get("description") == MARK and m["name"] != params["name"]]
        unwanted += [present] if fields else []
    create = bool(wanted) and (present is None or bool(fields))
    if not check:
        delete(server, unwanted, params["timeout"])
        if create:
            server.call("POST", "/models", wanted)
    return {
        "changed": bool(unwanted) or create,
        "differing": fields,
        "deleted": sorted(model["name"] for model in unwanted),
    }


def main() -> None:
    """Entry point of the module."""
    module = AnsibleModule(
        argument_spec={
            "url": {"type": "str", "required": True},
            "password": {"type": "str", "required": True, "no_log": True},
            "name": {"type": "str", "required": True},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "path": {"type": "str"},
            "parameters": {"type": "list", "elements": "str", "default": []},
            "spans_workers": {"type": "bool", "default": False},
            "timeout": {"type": "int", "default": 120},
        },
        required_if=[("state", "present", ["path"])],
        supports_check_mode=True,
    )
    server = Server(module.params["url"], module.params["password"])
    try:
        module.exit_json(**converge(server, module.params, module.check_mode))
    except GPUStackError as problem:
        module.fail_json(**failure(Message("gpustack-failed", N_("{reason}."), reason=problem.message)))
    except (LookupError, TypeError, AttributeError) as error:
        module.fail_json(**failure(unknown_form(module.params["url"], error)))


if __name__ == "__main__":
    main()
