#!/usr/bin/python
"""Sends requests to the gateway, as clients do, and checks its answers."""

from __future__ import annotations

import re
import time
import urllib.request
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.http import StatusError, bearer, opener_at, reason, request, request_json
from ansible.module_utils.messages import N_, Message, progress

DOCUMENTATION = r"""
---
module: gateway_answers
short_description: Send requests to the gateway and check its answers
description:
  - Lists the models without and with a key, and sends a chat completion request, over TLS that the CA verifies.
  - Does not fail if the gateway does; C(ready) is whether every answer was as expected, C(progress) the reason if not.
options:
  url:
    description: URL of the gateway without a path, with a name of its certificate.
    type: str
    required: true
  address:
    description: Address that the requests are sent to.
    type: str
    required: true
  ca:
    description: Certificate of the CA in PEM.
    type: str
    required: true
  api_key:
    description: Key of a client.
    type: str
    required: true
  model:
    description: Served model name, which must be in the list of models.
    type: str
    required: true
  prompt:
    description: The prompt.
    type: str
    required: true
  expected:
    description: Regular expression to search in the answer.
    type: str
    default: ""
  max_tokens:
    description: Maximum number of tokens to generate.
    type: int
    default: 1024
  timeout:
    description: Seconds to wait for the answer.
    type: int
    default: 120
author: [inferfleet]
"""

EXAMPLES = r"""
- name: Send test requests to the gateway
  gateway_answers:
    url: https://gateway.inferfleet.internal:8443
    address: 10.0.0.11
    ca: "{{ lookup('gateway_client', 'verify').ca }}"
    api_key: "{{ lookup('gateway_client', 'verify').key }}"
    model: deepseek-r1
    prompt: What is 17 + 25? Answer with the number only.
    expected: "42"
  register: gateway
"""

RETURN = r"""
ready:
  description: Whether the answers were as expected.
  returned: always
  type: bool
models:
  description: Names in the list of models.
  returned: always
  type: list
seconds:
  description: Duration of the chat completion request.
  returned: always
  type: float
progress:
  description: C(text), what the gateway answered, as C(code), C(message), C(template) and C(parameters).
  returned: always
  type: dict
problems:
  description: Why an answer is not as expected, in a list; empty if C(ready) is true.
  returned: always
  type: list
"""

OPEN = N_("the gateway answers a request without a key with HTTP {status} instead of 401")
MISSING = N_("the gateway does not list model {model}, only {models}")
WRONG = N_("the answer through the gateway is {answer}, expected {expected}")
STATUS = N_("the gateway answers HTTP {status}: {text}")
SILENT = N_("no response from the gateway at {address}: {reason}")
OTHER = N_("the answer of the gateway is not that of an OpenAI-compatible API: {reason}")


def unauthenticated_status(url: str, opener: urllib.request.OpenerDirector) -> int:
    """Return the status of a request without a key."""
    try:
        return request(f"{url}/v1/models", opener=opener)[0]
    except StatusError as error:
        return error.status


def check(params: dict, result: dict) -> Message | None:
    """Complete `result`; return what is not as expected."""
    url, sent = params["url"].rstrip("/"), {"authorization": bearer(params["api_key"])}
    opener = opener_at(url, params["address"], params["ca"])
    status = unauthenticated_status(url, opener)
    if status != 401:
        return Message("gateway-open", OPEN, status=status)
    listed = request_json(f"{url}/v1/models", opener=opener, **sent)
    result["models"] = [model["id"] for model in listed["data"]]
    if params["model"] not in result["models"]:
        return Message("model-missing", MISSING, model=params["model"], models=result["models"])
    body = {
        "model": params["model"],
        "messages": [{"role": "user", "content": params["prompt"]}],
        "temperature": 0,
        "max_tokens": params["max_tokens"],
    }
    start = time.monotonic()
    answer = request_json(f"{url}/v1/chat/completions", body, timeout=params["timeout"], opener=opener, **sent)
    result["seconds"] = round(time.monotonic() - start, 3)
    text = answer["choices"][0]["message"].get("content") or ""
    if not re.search(params["expected"], text):
        return Message("wrong-answer", WRONG, answer=repr(text[:200]), expected=repr(params["expected"]))
    return None


def main() -> None:
    """Entry point of the module."""
    module = AnsibleModule(
        argument_spec={
            "url": {"type": "str", "required": True},
            "address": {"type": "str", "required": True},
            "ca": {"type": "str", "required": True},
            "api_key": {"type": "str", "required": True, "no_log": True},
            "model": {"type": "str", "required": True},
            "prompt": {"type": "str", "required": True},
            "expected": {"type": "str", "default": ""},
            "max_tokens": {"type": "int", "default": 1024, "no_log": False},
            "timeout": {"type": "int", "default": 120},
        },
        supports_check_mode=True,
    )
    params = module.params
    result: dict[str, Any] = {"models": [], "seconds": 0.0}
    try:
        problem = check(params, result)
    except StatusError as error:
        problem = Message("http-status", STATUS, status=error.status, text=error.text[:300])
    except (OSError, ValueError) as error:
        problem = Message("no-answer", SILENT, address=params["address"], reason=reason(error))
    except (LookupError, TypeError, AttributeError) as error:
        problem = Message("unknown-answer", OTHER, reason=repr(error))
    text = problem or Message("answered", N_("answered"))
    ready = problem is None
    module.exit_json(changed=False, ready=ready, **progress(text, ready), **result)


if __name__ == "__main__":
    main()
