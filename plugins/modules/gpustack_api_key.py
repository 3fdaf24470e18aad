#!/usr/bin/python
"""API key for clients of GPUStack's OpenAI-compatible API, without other rights."""

from __future__ import annotations

import secrets

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.gpustack.api import GPUStackError, Server, unknown_form
from ansible.module_utils.messages import N_, Message, failure

DOCUMENTATION = r"""
---
module: gpustack_api_key
short_description: Create an API key for inference, without management rights
description:
  - GPUStack 2.x accepts a custom key, limited to inference.
  - GPUStack 0.x generates its keys, with all rights of their owner. The key then belongs to a separate account without
    administrator rights, and C(value) of the result differs from the parameter.
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
    description: The wanted key.
    type: str
    required: true
author: [inferfleet]
"""

EXAMPLES = r"""
- name: Create the clients' API key
  gpustack_api_key:
    url: http://127.0.0.1:8000
    password: "{{ preflight_secrets.gpustack_admin_password }}"
    value: "{{ preflight_secrets.engine_api_key }}"
  register: key
  no_log: true
"""

RETURN = r"""
value:
  description: The valid key. Hide the result with C(no_log).
  returned: success
  type: str
made:
  description: Whether GPUStack generated the key, so that it differs from the parameter.
  returned: success
  type: bool
"""


def store_key(server: Server, name: str, value: str) -> str:
    """Store a custom key, for inference only (2.x); return it."""
    for key in server.entries("/api-keys"):
        if key["name"] == name:
            server.call("DELETE", f"/api-keys/{key['id']}")
    server.call("POST", "/api-keys", {"name": name, "custom": value, "scope": ["inference"]})
    return value


def generate_key(server: Server, name: str) -> str:
    """Generate a key that belongs to an account without administrator rights (0.x); return it."""
    for user in server.entries("/users"):
        if user["username"] == name:
            server.call("DELETE", f"/users/{user['id']}")  # deletes its keys too
    password = secrets.token_urlsafe(24) + "aA1!"  # contains all character classes that GPUStack requires
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
            value = generate_key(server, params["name"]) if server.old else store_key(server, params["name"], value)
    except GPUStackError as problem:
        module.fail_json(**failure(Message("gpustack-failed", N_("{reason}."), reason=problem.message)))
    except (LookupError, TypeError, AttributeError) as error:
        module.fail_json(**failure(unknown_form(params["url"], error)))
    module.exit_json(changed=not works, value=value, made=value != params["value"])


if __name__ == "__main__":
    main()
