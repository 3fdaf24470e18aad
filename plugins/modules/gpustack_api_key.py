#!/usr/bin/python
"""A key for the clients of GPUStack's OpenAI-compatible API that opens nothing else."""

from __future__ import annotations

import secrets

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.gpustack.api import GPUStackError, Server, unknown_form
from ansible.module_utils.messages import N_, Message, failure

DOCUMENTATION = r"""
---
module: gpustack_api_key
short_description: A key for inference, without rights to manage GPUStack
description:
  - GPUStack 2.x takes the key that it is given, limited to inference.
  - GPUStack 0.x makes its keys itself, with all rights of their owner. The key then belongs to an account of its own
    that is no administrator, and C(value) of the result differs from the one given.
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
    description: Name of the key, and with 0.x of the account that owns it.
    type: str
    default: inferfleet
  value:
    description: The key that is to work.
    type: str
    required: true
author: [inferfleet]
"""

EXAMPLES = r"""
- name: Let the clients in
  gpustack_api_key:
    url: http://127.0.0.1:8000
    password: "{{ preflight_secrets.gpustack_admin_password }}"
    value: "{{ preflight_secrets.engine_api_key }}"
  register: key
  no_log: true
"""

RETURN = r"""
value:
  description: The key that works. Hide the result with C(no_log).
  returned: success
  type: str
made:
  description: Whether GPUStack made the key itself, so that it differs from the one given.
  returned: success
  type: bool
"""


def give(server: Server, name: str, value: str) -> str:
    """Store the key given, for inference only (2.x); returns it."""
    for key in server.entries("/api-keys"):
        if key["name"] == name:
            server.call("DELETE", f"/api-keys/{key['id']}")
    server.call("POST", "/api-keys", {"name": name, "custom": value, "scope": ["inference"]})
    return value


def make(server: Server, name: str) -> str:
    """Let GPUStack make a key that belongs to an account without rights (0.x); returns it."""
    for user in server.entries("/users"):
        if user["username"] == name:
            server.call("DELETE", f"/users/{user['id']}")  # its keys go with it
    password = secrets.token_urlsafe(24) + "aA1!"  # of all kinds of characters that GPUStack asks for
    server.call("POST", "/users", {"username": name, "password": password, "is_admin": False})
    owner = Server(server.url, password, username=name)
    return owner.call("POST", "/api-keys", {"name": name})["value"]


def main() -> None:
    """Entry point of the module."""
    module = AnsibleModule(
        argument_spec={
            "url": {"type": "str", "required": True},
            "password": {"type": "str", "required": True, "no_log": True},
            "name": {"type": "str", "default": "inferfleet"},
            "value": {"type": "str", "required": True, "no_log": False},
        },
        supports_check_mode=True,
    )
    params = module.params
    value = params["value"]
    server = Server(params["url"], params["password"])
    try:
        works = server.serves(value)
        if not works and not module.check_mode:
            value = make(server, params["name"]) if server.old else give(server, params["name"], value)
    except GPUStackError as problem:
        module.fail_json(**failure(Message("gpustack-failed", N_("{reason}."), reason=problem.message)))
    except (LookupError, TypeError, AttributeError) as error:
        module.fail_json(**failure(unknown_form(params["url"], error)))
    module.exit_json(changed=not works, value=value, made=value != params["value"])


if __name__ == "__main__":
    main()
