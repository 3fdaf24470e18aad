#!/usr/bin/python
"""Sends one chat completion request to the service, as a client does, and checks the answer."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from datetime import datetime, timezone
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.http import StatusError, bearer, opener_at, reason, request_json
from ansible.module_utils.messages import N_, Message, failure, progress
from ansible.module_utils.phases import current_phase, running, updates
from ansible.module_utils.processes import run

DOCUMENTATION = r"""
---
module: chat_completion
short_description: Send a chat completion request to an OpenAI-compatible API or Open WebUI
description:
  - Sends the prompt at temperature 0 and compares the answer. Does not fail if the service does, so that a task can
    wait with C(until); C(ready) is whether the expected answer was received, C(progress) the reason if it was not.
options:
  url:
    description: URL of the service without a path.
    type: str
    required: true
  address:
    description: Address that the requests are sent to; empty is that of the host in the URL.
    type: str
    default: ""
  ca:
    description: Certificate of a CA, in PEM, to trust in addition to those of the system.
    type: str
    default: ""
  model:
    description: Served model name.
    type: str
    required: true
  api_key:
    description: Key of the API.
    type: str
  email:
    description: Sign in to Open WebUI with this address and send the request through it, as its web page does.
    type: str
  password:
    description: Password of that address.
    type: str
  prompt:
    description: The prompt.
    type: str
    required: true
  expected:
    description: Regular expression to search in the answer; empty accepts any answer.
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
  container:
    description: Docker container on this node whose state and log explain a missing answer.
    type: str
  phases:
    description: Phases of loading in the log of the container, as in engine.yml - C(pattern) of a line and C(name).
    type: list
    elements: dict
    default: []
  restarts_before:
    description:
      - Restarts of the container when the wait began. If it ends repeatedly after that, or once with an error that
        lasts or without a restart policy, C(fatal) is true. Without this number, it never is.
    type: int
author: [inferfleet]
"""

EXAMPLES = r"""
- name: Send a test prompt to the engine
  chat_completion:
    url: http://127.0.0.1:8000
    model: deepseek-r1
    api_key: "{{ preflight_secrets.engine_api_key }}"
    prompt: What is 17 + 25? Answer with the number only.
    expected: "42"
  register: answer
  until: answer.ready
"""

RETURN = r"""
ready:
  description: Whether an answer was received and matched.
  returned: always
  type: bool
status:
  description: HTTP status of the last request; 0 without a response.
  returned: always
  type: int
answer:
  description: Answer of the model.
  returned: always
  type: str
reasoning:
  description: Reasoning of the model, if a reasoning parser is enabled.
  returned: always
  type: str
seconds:
  description: Duration of the request.
  returned: always
  type: float
fatal:
  description: Whether the container keeps ending, or stays so, so that waiting is useless.
  returned: always
  type: bool
progress:
  description: C(text), the status or the phase of loading, as C(code), C(message), C(template) and C(parameters).
  returned: always
  type: dict
problems:
  description: Why there is no answer, in a list; empty if C(ready) is true.
  returned: always
  type: list
"""

RESTARTS_GIVEN_UP = 3
"""Restarts since the wait began after which waiting ends; one is enough if the error cannot disappear by itself."""
LASTING = re.compile(
    r"([\w.]+\.)?(ValueError|TypeError|KeyError|AttributeError|ImportError|ModuleNotFoundError|NotImplementedError"
    r"|ValidationError|OutOfMemoryError|FileNotFoundError|SafetensorError): (?!.*(placement group|\bRay\b|available))"
)
"""Errors of Python, PyTorch, pydantic and safetensors that a restart with the same settings repeats, except those of
vllm/v1/executor/ray_utils.py about resources that Ray may release later."""
SECONDARY = re.compile(r"\broot cause\b|ActorHandleNotFoundError|died unexpectedly")
"""Errors that only report another one: vllm/v1/engine/utils.py, vllm/v1/executor/multiproc_executor.py, Ray."""
LOG_LINES = 5000  # a debug log writes so many in one phase
ERROR_LINES = 40  # at the end of the log
ERROR_CHARACTERS = 500
UTC = timezone.utc  # datetime.UTC needs Python 3.11
STATES = {
    "created": N_("created"),
    "restarting": N_("restarting"),
    "removing": N_("removing"),
    "paused": N_("paused"),
    "exited": N_("exited"),
    "dead": N_("dead"),
}
"""Docker's states of a container that is not running."""
KILLED = {"137": "SIGKILL", "143": "SIGTERM"}
NO_ERROR = Message("no-error", N_("no error in its log"))


def complete(params: dict) -> dict:
    """Return the message of the completion."""
    url, token = params["url"].rstrip("/"), params["api_key"]
    sent: dict[str, Any] = {"opener": opener_at(url, params["address"], params["ca"])}
    body = {
        "model": params["model"],
        "messages": [{"role": "user", "content": params["prompt"]}],
        "temperature": 0,
        "max_tokens": params["max_tokens"],
        "stream": False,
    }
    path = "/v1/chat/completions"
    if params["email"]:
        token = sign_in(url, params["email"], params["password"], sent)
        # The web page does this when it is opened; until then, Open WebUI does not know an engine started since.
        request_json(f"{url}/api/models", authorization=bearer(token), timeout=60, **sent)
        path = "/api/chat/completions"
    answer = request_json(url + path, body, authorization=bearer(token), timeout=params["timeout"], **sent)
    return answer["choices"][0]["message"]


class PasswordError(Exception):
    """Open WebUI rejected the password; `message` contains the remedy, `status` is the HTTP status."""

    def __init__(self, status: int, message: Message) -> None:
        super().__init__(str(message))
        self.status, self.message = status, message


def sign_in(url: str, email: str, password: str, sent: dict[str, Any]) -> str:
    """Return Open WebUI's token for the account; `sent` are further arguments of the request."""
    try:
        return request_json(f"{url}/api/v1/auths/signin", {"email": email, "password": password}, **sent)["token"]
    except StatusError as error:
        if error.status in (400, 401, 403):
            template = N_(
                "{answer}: Open WebUI at {url} rejects the password of {email}. Run inferfleet up --tags open_webui to"
                " set the inventory's password, or set webui_admin_email to the account of the administrator"
            )
            message = Message("webui-password-refused", template, answer=str(error), url=url, email=email)
            raise PasswordError(error.status, message) from error
        raise


def container_state(name: str, phases: Sequence[dict], restarts_before: int | None) -> tuple[bool, Message]:
    """Return whether the container keeps ending, and its phase of loading, or its last error if it is not running.

    `restarts_before` is the number of its restarts when the wait began; None: it is never given up. The log of an
    earlier start is read only for the error that ended it.
    """
    form = "{{.State.Status}} {{.RestartCount}} {{.State.ExitCode}} {{.State.StartedAt}}"
    form += ' {{or .HostConfig.RestartPolicy.Name "no"}}'
    try:
        code, inspected = run(["docker", "inspect", "-f", form, name], timeout=30)
        if code != 0:
            return False, Message("container-missing", N_("container {name} does not exist"), name=name)
        status, restarts, exit_code, started, policy = inspected.split()
        count = int(restarts) - (int(restarts) if restarts_before is None else restarts_before)
        since = [] if count > 0 else ["--since", started]
        logs = run(["docker", "logs", *since, "--tail", str(LOG_LINES), name], timeout=30)[1]
    except TimeoutError:
        return False, Message("docker-unresponsive", N_("container {name}: Docker does not respond"), name=name)
    except OSError:
        missing = N_("container {name} does not exist: Docker is not installed")
        return False, Message("docker-missing", missing, name=name)
    lines = logs.strip().split("\n")
    # Without a restart policy, nothing starts it again while the wait lasts.
    ended = restarts_before is not None and policy == "no" and status in ("exited", "dead")
    text = last_error(lines if ended or count > 0 else lines[-ERROR_LINES:])
    if exit_code in KILLED and status != "running":
        text = Message("killed", N_("it was killed ({signal}), for example by `docker kill`"), signal=KILLED[exit_code])
    if ended or count >= RESTARTS_GIVEN_UP or (count > 0 and LASTING.match(str(text))):
        often = N_("container {name} exited {count} times (exit code {status}): {reason}")
        once = N_("container {name} exited (exit code {status}): {reason}")
        values = {"name": name, "count": count, "status": exit_code}
        return True, Message("container-ends", often if count > 1 else once, reason=text, **values)
    if status != "running":
        state = Message("", STATES[status]) if status in STATES else status
        other = N_("container {name} {state}: {reason}")
        return False, Message("container-state", other, name=name, state=state, reason=text)
    return False, running(current_phase(lines, phases), seconds_since(started))


def seconds_since(moment: str) -> float:
    """Return the seconds since a time of Docker, which is in UTC and has nanoseconds."""
    then = datetime.strptime(moment[:19], "%Y-%m-%dT%H:%M:%S").replace(tzinfo=UTC)
    return (datetime.now(UTC) - then).total_seconds()


def last_error(lines: list[str]) -> Message:
    """Return the last error line of a log without its prefix."""
    errors = [line for line in map(plain, updates(lines)) if re.search(r"\b\w*(Error|Exception)\b: ", line)]
    errors = [line for line in errors if not SECONDARY.search(line)] or errors
    return Message("log-line", "{line}", line=shortened(errors[-1])) if errors else NO_ERROR


def shortened(line: str) -> str:
    """Return a long line up to a word's end."""
    return line if len(line) <= ERROR_CHARACTERS else line[:ERROR_CHARACTERS].rpartition(" ")[0] + " …"


def plain(line: str) -> str:
    """Return the message of a log line without its prefix; empty for a warning, which is rarely the cause."""
    line = line.strip()
    line = re.sub(r"^(\([^)]*pid=[^)]*\)\s*)+", "", line)
    if re.match(r"(W\d{4} |WARNING )", line) or "Warning: " in line or "\tWARNING " in line:
        return ""
    line = re.sub(r"^(INFO|ERROR) [\d-]+ [\d:]+ \[[^\]]*\]\s*", "", line)
    return re.sub(r"^[\d-]{10} [\d:,]+\s+\w+ [\w.]+:\d+ -- ", "", line)


def main() -> None:
    """Entry point of the module."""
    module = AnsibleModule(
        argument_spec={
            "url": {"type": "str", "required": True},
            "address": {"type": "str", "default": ""},
            "ca": {"type": "str", "default": ""},
            "model": {"type": "str", "required": True},
            "api_key": {"type": "str", "no_log": True},
            "email": {"type": "str"},
            "password": {"type": "str", "no_log": True},
            "prompt": {"type": "str", "required": True},
            "expected": {"type": "str", "default": ""},
            "max_tokens": {"type": "int", "default": 1024, "no_log": False},
            "timeout": {"type": "int", "default": 120},
            "container": {"type": "str"},
            "phases": {"type": "list", "elements": "dict", "default": []},
            "restarts_before": {"type": "int"},
        },
        required_together=[("email", "password")],
        supports_check_mode=True,
    )
    params = module.params
    try:
        expected = re.compile(params["expected"])
    except re.error as error:
        wrong = N_("Option expected is {value}, which is not a regular expression: {reason}.")
        module.fail_json(**failure(Message("bad-expression", wrong, value=repr(params["expected"]), reason=str(error))))
    result: dict[str, Any] = {"ready": False, "status": 0, "answer": "", "reasoning": "", "fatal": False}
    start = time.monotonic()
    try:
        message = complete(params)
        result["status"] = 200
        result["answer"] = message.get("content") or ""
        result["reasoning"] = message.get("reasoning") or message.get("reasoning_content") or ""
        result["ready"] = bool(expected.search(result["answer"]))
        text = Message("answered", N_("answered"))
        if not result["ready"]:
            wrong, answer = N_("the answer is {answer}, expected {expected}"), repr(result["answer"][:200])
            text = Message("wrong-answer", wrong, answer=answer, expected=repr(params["expected"]))
    except PasswordError as error:
        result["status"], text = error.status, error.message
    except StatusError as error:
        result["status"] = error.status
        text = Message("http-status", N_("HTTP {status}: {text}"), status=error.status, text=shortened(error.text))
    except (OSError, ValueError) as error:
        text = Message("no-answer", N_("no response from {url}: {reason}"), url=params["url"], reason=reason(error))
    except (LookupError, TypeError, AttributeError) as error:
        other = N_("the service at {url} is not an OpenAI-compatible API: {reason}")
        text = Message("unknown-answer", other, url=params["url"], reason=repr(error))
    problem = text
    if params["container"] and result["status"] == 0:
        result["fatal"], problem = container_state(params["container"], params["phases"], params["restarts_before"])
        text = problem
        if text.code == "engine-loading":
            problem = Message("not-loaded", N_("no response from {url} yet: {phase}"), url=params["url"], phase=text)
    result["seconds"] = round(time.monotonic() - start, 3)
    module.exit_json(changed=False, **progress(text, result["ready"], problem), **result)


if __name__ == "__main__":
    main()
