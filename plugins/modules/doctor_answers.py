#!/usr/bin/python
"""Responses of the service: the API with its key and with a wrong one, and Open WebUI's list of models."""

from __future__ import annotations

import json
import time
import urllib.request
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.http import StatusError, bearer, opener_at, request, tls_opener
from ansible.module_utils.processes import run

DOCUMENTATION = r"""
---
module: doctor_answers
short_description: Collect responses of the API and of Open WebUI for a diagnosis
description:
  - Sends requests, and does not fail because of a response. C(status) is the HTTP status, or 0 without a response;
    C(text) is then the reason.
  - The request with a wrong key has C(inferfleet-doctor) in its query, to distinguish it from client requests in the
    engine's log.
options:
  api_url:
    description: URL of the API without a path; empty skips the API.
    type: str
    default: ""
  api_path:
    description: Path of the OpenAI-compatible API.
    type: str
    default: /v1
  api_key:
    description: Key of the API; empty if it has none.
    type: str
    default: ""
  model:
    description: Served model name.
    type: str
    default: ""
  webui_url:
    description: URL of Open WebUI; empty skips it.
    type: str
    default: ""
  webui_address:
    description: Address that requests to Open WebUI are sent to; empty is that of the host in C(webui_url).
    type: str
    default: ""
  webui_ca:
    description: Certificate of the CA, in PEM, for Open WebUI behind the gateway.
    type: str
    default: ""
  webui_email:
    description: Email address of the administrator.
    type: str
    default: ""
  webui_password:
    description: Password of the administrator.
    type: str
    default: ""
  webui_container:
    description: Container of Open WebUI on this node. Its API key is tested; only the response is returned.
    type: str
    default: ""
  timeout:
    description: Timeout in seconds for a completion of one token.
    type: int
    default: 30
author: [inferfleet]
"""

EXAMPLES = r"""
- name: Collect responses of the API
  doctor_answers:
    api_url: http://10.0.0.1:8000
    api_key: "{{ preflight_secrets.engine_api_key }}"
    model: deepseek-r1
"""

RETURN = r"""
answers:
  description: C(health), C(models), C(unauthenticated), C(completion) and C(webui), as far as they were requested.
  returned: always
  type: dict
"""

SHORT = 10  # timeout in seconds of requests that need no engine
EXTRA_HOST = "EXTRA_HOST"  # prefix of the container's own host names


def fetch(url: str, token: str = "", body: dict | None = None, timeout: int = SHORT, **options: Any) -> dict:
    """Return `status`, `seconds`, the `text` of an error, and `data`, the decoded JSON."""
    start = time.monotonic()
    answer: dict[str, Any] = {"status": 0, "text": "", "data": None}
    try:
        answer["status"], text = request(url, body, authorization=bearer(token), timeout=timeout, **options)
        answer["data"] = json.loads(text) if text.strip() else None
    except StatusError as error:
        answer |= {"status": error.status, "text": error.text[:300]}
    except ValueError:
        answer["text"] = "not JSON"
    except OSError as error:
        answer["text"] = str(getattr(error, "reason", error)) or type(error).__name__
    return answer | {"seconds": round(time.monotonic() - start, 1)}


def brief(answer: dict) -> dict:
    """Return a response without its data."""
    return {key: answer[key] for key in ("status", "text", "seconds")}


def names(answer: dict) -> list[str]:
    """Return the ids of a list of models."""
    data = answer["data"].get("data") if isinstance(answer["data"], dict) else None
    return [str(model.get("id")) for model in data or [] if isinstance(model, dict)]


def api_responses(params: dict) -> dict:
    """Return the responses of the API."""
    base, key = params["api_url"].rstrip("/"), params["api_key"]
    models = fetch(f"{base}{params['api_path']}/models", key)
    marked = f"{base}{params['api_path']}/models?client=inferfleet-doctor"
    unauthenticated = fetch(marked, "inferfleet-doctor-has-no-key")
    body = {"model": params["model"], "messages": [{"role": "user", "content": "Hi"}], "max_tokens": 1}
    completion = fetch(f"{base}{params['api_path']}/chat/completions", key, body, params["timeout"])
    return {
        "health": brief(fetch(f"{base}/health")),
        "models": brief(models) | {"ids": names(models)},
        "unauthenticated": brief(unauthenticated),
        "completion": brief(completion),
    }


def webui_responses(params: dict) -> dict:
    """Return the responses of Open WebUI to the requests of its web page."""
    base = params["webui_url"].rstrip("/")
    account = {"email": params["webui_email"], "password": params["webui_password"]}
    sent: dict[str, Any] = {"opener": opener_at(base, params["webui_address"], params["webui_ca"])}
    health = fetch(f"{base}/health", **sent)
    signed = fetch(f"{base}/api/v1/auths/signin", body=account, timeout=30, **sent)
    token = (signed["data"] or {}).get("token", "") if signed["status"] == 200 else ""
    models = fetch(f"{base}/api/models", token, timeout=30, **sent) if token else {"status": 0, "data": None}
    found = {"health": brief(health), "signin": signed["status"], "models_status": models["status"]}
    return found | {"models": names(models), "apis": test_keys(params["webui_container"])}


def test_keys(container: str) -> list[dict]:
    """Test Open WebUI's keys at its APIs, with its CA and its host names; no key is returned."""
    form = "{{range .Config.Env}}{{println .}}{{end}}{{range .HostConfig.ExtraHosts}}EXTRA_HOST={{println .}}{{end}}"
    argv = ["docker", "inspect", "--format", form, container]
    try:
        code, output = run(argv, timeout=30)
    except OSError:
        return []
    lines = [line.split("=", 1) for line in output.splitlines() if "=" in line] if code == 0 else []
    env = {name: value for name, value in lines if name != EXTRA_HOST}
    addresses = dict(value.split(":", 1) for name, value in lines if name == EXTRA_HOST)
    opener = container_opener(env.get("SSL_CERT_FILE", ""), addresses)
    urls = (env.get("OPENAI_API_BASE_URLS") or env.get("OPENAI_API_BASE_URL", "")).split(";")
    keys = (env.get("OPENAI_API_KEYS") or env.get("OPENAI_API_KEY", "")).split(";")
    pairs = zip(urls, keys + [""] * len(urls))
    return [{"url": url} | brief(fetch(f"{url.rstrip('/')}/models", key, opener=opener)) for url, key in pairs if url]


def container_opener(ca_file: str, addresses: dict[str, str]) -> urllib.request.OpenerDirector:
    """Return an opener that trusts the CA in a file, which has the same path in the container, if there is one."""
    try:
        return tls_opener(Path(ca_file).read_text("utf-8") if ca_file else "", addresses)
    except OSError:
        return tls_opener("", addresses)


def main() -> None:
    """Entry point of the module."""
    module = AnsibleModule(
        argument_spec={
            "api_url": {"type": "str", "default": ""},
            "api_path": {"type": "str", "default": "/v1"},
            "api_key": {"type": "str", "default": "", "no_log": True},
            "model": {"type": "str", "default": ""},
            "webui_url": {"type": "str", "default": ""},
            "webui_address": {"type": "str", "default": ""},
            "webui_ca": {"type": "str", "default": ""},
            "webui_email": {"type": "str", "default": ""},
            "webui_password": {"type": "str", "default": "", "no_log": True},
            "webui_container": {"type": "str", "default": ""},
            "timeout": {"type": "int", "default": 30},
        },
        supports_check_mode=True,
    )
    params = module.params
    answers = api_responses(params) if params["api_url"] else {}
    if params["webui_url"]:
        answers["webui"] = webui_responses(params)
    module.exit_json(changed=False, answers=answers)


if __name__ == "__main__":
    main()
