#!/usr/bin/python
"""What the service's doors answer: the API with its key and with a wrong one, and Open WebUI's list of models."""

from __future__ import annotations

import json
import time
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.http import StatusError, bearer, request
from ansible.module_utils.processes import run

DOCUMENTATION = r"""
---
module: doctor_answers
short_description: What the API and Open WebUI answer, for a diagnosis
description:
  - Asks, and never fails over an answer. A C(status) is HTTP's, or 0 where no answer came; C(text) is then the reason.
  - What it asks with a wrong key carries C(inferfleet-doctor) in its query, so that the engine's log tells it from a
    client's.
options:
  api_url:
    description: URL of the API without a path; empty asks no API.
    type: str
    default: ""
  api_path:
    description: Path of the OpenAI-compatible API.
    type: str
    default: /v1
  api_key:
    description: Its key; empty where it takes none.
    type: str
    default: ""
  model:
    description: Served model name.
    type: str
    default: ""
  webui_url:
    description: URL of Open WebUI; empty asks none.
    type: str
    default: ""
  webui_email:
    description: Its administrator.
    type: str
    default: ""
  webui_password:
    description: The password of that account.
    type: str
    default: ""
  webui_container:
    description: Container of Open WebUI on this node. The key that it holds is tried; only the answer is returned.
    type: str
    default: ""
  timeout:
    description: Seconds to wait for a completion of one token.
    type: int
    default: 30
author: [inferfleet]
"""

EXAMPLES = r"""
- name: Ask the API
  doctor_answers:
    api_url: http://10.0.0.1:8000
    api_key: "{{ preflight_secrets.engine_api_key }}"
    model: deepseek-r1
"""

RETURN = r"""
answers:
  description: C(health), C(models), C(unauthenticated), C(completion) and C(webui), as far as they were asked.
  returned: always
  type: dict
"""

SHORT = 10  # seconds for what needs no engine


def ask(url: str, token: str = "", body: dict | None = None, timeout: int = SHORT) -> dict:
    """Return `status`, `seconds`, `text` of an error, and `data`, the JSON that came."""
    start = time.monotonic()
    answer: dict[str, Any] = {"status": 0, "text": "", "data": None}
    try:
        answer["status"], text = request(url, body, authorization=bearer(token), timeout=timeout)
        answer["data"] = json.loads(text) if text.strip() else None
    except StatusError as error:
        answer |= {"status": error.status, "text": error.text[:300]}
    except ValueError:
        answer["text"] = "no JSON"
    except OSError as error:
        answer["text"] = str(getattr(error, "reason", error)) or type(error).__name__
    return answer | {"seconds": round(time.monotonic() - start, 1)}


def brief(answer: dict) -> dict:
    """Return an answer without its data."""
    return {key: answer[key] for key in ("status", "text", "seconds")}


def names(answer: dict) -> list[str]:
    """Return the ids of a list of models."""
    data = answer["data"].get("data") if isinstance(answer["data"], dict) else None
    return [str(model.get("id")) for model in data or [] if isinstance(model, dict)]


def ask_api(params: dict) -> dict:
    """Ask the API's doors."""
    base, key = params["api_url"].rstrip("/"), params["api_key"]
    models = ask(f"{base}{params['api_path']}/models", key)
    unauthenticated = ask(f"{base}{params['api_path']}/models?client=inferfleet-doctor", "inferfleet-doctor-has-no-key")
    body = {"model": params["model"], "messages": [{"role": "user", "content": "Hi"}], "max_tokens": 1}
    completion = ask(f"{base}{params['api_path']}/chat/completions", key, body, params["timeout"])
    return {
        "health": brief(ask(f"{base}/health")),
        "models": brief(models) | {"ids": names(models)},
        "unauthenticated": brief(unauthenticated),
        "completion": brief(completion),
    }


def ask_webui(params: dict) -> dict:
    """Ask Open WebUI as its page does."""
    base = params["webui_url"].rstrip("/")
    account = {"email": params["webui_email"], "password": params["webui_password"]}
    health = ask(f"{base}/health")
    signed = ask(f"{base}/api/v1/auths/signin", body=account, timeout=30)
    token = (signed["data"] or {}).get("token", "") if signed["status"] == 200 else ""
    models = ask(f"{base}/api/models", token, timeout=30) if token else {"status": 0, "data": None}
    found = {"health": brief(health), "signin": signed["status"], "models_status": models["status"]}
    return found | {"models": names(models), "apis": own_keys(params["webui_container"])}


def own_keys(container: str) -> list[dict]:
    """Try the keys that Open WebUI holds at the APIs that it asks; no key is returned."""
    form = "{{range .Config.Env}}{{println .}}{{end}}"
    argv = ["docker", "inspect", "--format", form, container]
    try:
        code, output = run(argv, timeout=30)
    except OSError:
        return []
    env = dict(line.split("=", 1) for line in output.splitlines() if "=" in line) if code == 0 else {}
    urls = (env.get("OPENAI_API_BASE_URLS") or env.get("OPENAI_API_BASE_URL", "")).split(";")
    keys = (env.get("OPENAI_API_KEYS") or env.get("OPENAI_API_KEY", "")).split(";")
    pairs = zip(urls, keys + [""] * len(urls))
    return [{"url": url} | brief(ask(f"{url.rstrip('/')}/models", key)) for url, key in pairs if url]


def main() -> None:
    """Entry point of the module."""
    module = AnsibleModule(
        argument_spec={
            "api_url": {"type": "str", "default": ""},
            "api_path": {"type": "str", "default": "/v1"},
            "api_key": {"type": "str", "default": "", "no_log": True},
            "model": {"type": "str", "default": ""},
            "webui_url": {"type": "str", "default": ""},
            "webui_email": {"type": "str", "default": ""},
            "webui_password": {"type": "str", "default": "", "no_log": True},
            "webui_container": {"type": "str", "default": ""},
            "timeout": {"type": "int", "default": 30},
        },
        supports_check_mode=True,
    )
    params = module.params
    answers = ask_api(params) if params["api_url"] else {}
    if params["webui_url"]:
        answers["webui"] = ask_webui(params)
    module.exit_json(changed=False, answers=answers)


if __name__ == "__main__":
    main()
