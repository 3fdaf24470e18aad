"""chat_completion against a small server with the API of an engine or of Open WebUI."""

import os
import re

import pytest

ANSWER = {"choices": [{"message": {"role": "assistant", "content": "42", "reasoning": "17 + 25"}}]}
CHAT = "/v1/chat/completions"


@pytest.fixture(scope="module")
def chat(load):
    return load("chat_completion")


@pytest.fixture
def run_completion(run_module, service):
    def run(**params):
        given = {"url": service.url, "model": "r1", "prompt": "17 + 25?", **params}
        return run_module("chat_completion", **given)

    return run


LONG = f"ValueError: {'word ' * 120}"


@pytest.mark.parametrize(
    ("lines", "line"),
    [
        ([], "no error in its log"),
        (["loading", "ready\n"], "no error in its log"),
        (["a", "ValueError: no room", "shutting down"], "ValueError: no room"),
        (["torch.OutOfMemoryError: first", "RuntimeError: last"], "RuntimeError: last"),
        (["\x1b[31mRuntimeError: red\x1b[0m", "bye"], "RuntimeError: red"),
        (["0 Errors found", "ErrorCode 5"], "no error in its log"),
        ([LONG], f"ValueError: {'word ' * 96}word …"),
    ],
)
def test_last_error(chat, lines, line):
    assert str(chat.last_error(lines)) == line


def test_completion_of_the_engine(run_completion, service):
    service.answers[CHAT] = 200, ANSWER
    result = run_completion(api_key="k3y", expected="^42$", max_tokens=5)
    assert (result["ready"], result["status"], result["answer"], result["reasoning"]) == (True, 200, "42", "17 + 25")
    assert result["msg"] == "answered"
    assert service.requests == [
        {
            "path": CHAT,
            "token": "Bearer k3y",
            "body": {
                "model": "r1",
                "messages": [{"role": "user", "content": "17 + 25?"}],
                "temperature": 0,
                "max_tokens": 5,
                "stream": False,
            },
        }
    ]


def test_completion_without_a_key(run_completion, service):
    service.answers[CHAT] = 401, {"error": "Unauthorized"}
    result = run_completion()
    assert service.requests[0]["token"] is None
    assert (result["ready"], result["status"]) == (False, 401)
    assert result["msg"] == 'HTTP 401: {"error": "Unauthorized"}'


def test_completion_through_open_webui(run_completion, service):
    service.answers = {
        "/api/v1/auths/signin": (200, {"token": "jwt"}),
        "/api/models": (200, {"data": []}),
        "/api/chat/completions": (200, ANSWER),
    }
    assert run_completion(email="a@b", password="pw")["ready"] is True
    assert [(entry["path"], entry["token"]) for entry in service.requests] == [
        ("/api/v1/auths/signin", None),
        ("/api/models", "Bearer jwt"),  # refreshes its endpoints, as the web page does
        ("/api/chat/completions", "Bearer jwt"),
    ]
    assert service.requests[0]["body"] == {"email": "a@b", "password": "pw"}


def test_rejected_password_is_reported_with_its_remedy(run_completion, service):
    service.answers = {"/api/v1/auths/signin": (400, {"detail": "The email or password provided is incorrect."})}
    result = run_completion(email="a@b", password="pw")
    assert (result["ready"], result["status"]) == (False, 400)
    assert result["msg"].startswith('HTTP 400: {"detail": "The email or password provided is incorrect."}: Open WebUI')
    assert "rejects the password of a@b" in result["msg"]
    assert "--tags open_webui" in result["msg"]


def test_starting_open_webui_is_no_rejected_password(run_completion, service):
    service.answers = {"/api/v1/auths/signin": (503, {"detail": "starting"})}
    assert run_completion(email="a@b", password="pw")["msg"] == 'HTTP 503: {"detail": "starting"}'


def test_wrong_answer_is_reported(run_completion, service):
    service.answers[CHAT] = 200, ANSWER
    result = run_completion(expected="43")
    assert result["ready"] is False
    assert result["msg"] == "the answer is '42', expected '43'"


@pytest.mark.parametrize("message", [{"content": None}, {"content": "", "reasoning_content": "hm"}])
def test_empty_answer(run_completion, service, message):
    service.answers[CHAT] = 200, {"choices": [{"message": message}]}
    result = run_completion(expected="42")
    assert (result["ready"], result["answer"]) == (False, "")
    assert result["reasoning"] == message.get("reasoning_content", "")


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (None, "no response from {url}: the connection was interrupted (RemoteDisconnected)"),
        (b"not JSON", "no response from {url}: Expecting value: line 1 column 1 (char 0)"),
        ({}, "the service at {url} is not an OpenAI-compatible API: KeyError('choices')"),
        ({"choices": []}, "the service at {url} is not an OpenAI-compatible API: IndexError("),
        ([], "the service at {url} is not an OpenAI-compatible API: TypeError("),
        ({"choices": [{"message": None}]}, "the service at {url} is not an OpenAI-compatible API: AttributeError("),
    ],
)
def test_invalid_response_does_not_fail_the_task(run_completion, service, answer, text):
    service.answers[CHAT] = 200, answer
    result = run_completion()
    assert "failed" not in result
    assert result["ready"] is False
    assert result["msg"].startswith(text.format(url=service.url))


def test_interrupted_response(chat, service):
    service.answers[CHAT] = 200, None
    with pytest.raises(OSError, match=r"the connection was interrupted \(RemoteDisconnected\)"):
        chat.request_json(service.url + CHAT, {})


def test_unreachable_service(run_completion):
    result = run_completion(url="http://127.0.0.1:1")
    assert (result["status"], result["fatal"]) == (0, False)
    assert result["msg"] == "no response from http://127.0.0.1:1: Connection refused"


def test_proxy_of_the_node_is_not_used(run_module, service):
    service.answers[CHAT] = 200, ANSWER
    env = {**os.environ, "http_proxy": "http://127.0.0.1:9", "no_proxy": ""}
    assert run_module("chat_completion", env=env, url=service.url, model="r1", prompt="?")["ready"] is True


def test_invalid_regular_expression_fails(run_completion):
    result = run_completion(expected="(")
    assert result["failed"] is True
    assert result["msg"].startswith("Option expected is '(', which is not a regular expression: ")


@pytest.fixture
def docker(tmp_path):
    """Put a command named docker with the given output first in PATH, and return the environment."""

    def fake(inspect: str, logs: str = "", rc: int = 0) -> dict[str, str]:
        (tmp_path / "inspect").write_text(inspect)
        (tmp_path / "logs").write_text(logs)
        (tmp_path / "docker").write_text(f'#!/bin/sh\ncat {tmp_path}/"$1"\nexit {rc}\n')
        (tmp_path / "docker").chmod(0o755)
        return {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}

    return fake


STARTED = "2000-01-01T00:00:00.123456789Z"
PHASES = [{"pattern": r"shard (?P<done>\d+)/(?P<total>\d+)", "name": "loading weights {done}/{total}"}]


ENDED = "container engine exited"


@pytest.mark.parametrize(
    ("inspect", "logs", "before", "fatal", "text"),
    [
        ("restarting 2 1", "ValueError: no\nbye", None, False, "container engine restarting: ValueError: no"),
        ("exited 0 1", "", None, False, f"{ENDED}: no error in its log"),
        ("exited 0 137", "OSError: y", 0, False, f"{ENDED}: it was killed (SIGKILL), for example by `docker kill`"),
        ("running 3 1", "E: x\nOSError: y", 0, True, f"{ENDED} 3 times (exit code 1): OSError: y"),
        ("running 5 1", "OSError: y", 3, False, "no response from http://127.0.0.1:1"),
        ("running 9 1", "ValueError: no", 9, False, "no response from http://127.0.0.1:1"),
        (
            "restarting 1 1",
            "torch.OutOfMemoryError: no\nbye",
            0,
            True,
            f"{ENDED} (exit code 1): torch.OutOfMemoryError: no",
        ),
        ("restarting 1 1", "ValueError: no GPU available", 0, False, "container engine restarting: ValueError: no GPU"),
        (
            "restarting 1 1",
            "ValueError: head_dim 7\nRuntimeError: Engine core initialization failed. See root cause above.",
            *(0, True, f"{ENDED} (exit code 1): ValueError: head_dim 7"),
        ),
    ],
)
def test_container_explains_a_missing_answer(run_module, docker, inspect, logs, before, fatal, text):
    given = {"url": "http://127.0.0.1:1", "model": "r1", "prompt": "?", "container": "engine"}
    given |= {} if before is None else {"restarts_before": before}
    result = run_module("chat_completion", env=docker(f"{inspect} {STARTED} unless-stopped", logs), **given)
    assert (result["fatal"], result["msg"][: len(text)]) == (fatal, text)


@pytest.mark.parametrize(("before", "fatal"), [(0, True), (None, False)])
def test_container_without_restart_policy_ends_the_wait(run_module, docker, before, fatal):
    given = {"url": "http://127.0.0.1:1", "model": "r1", "prompt": "?", "container": "engine"}
    given |= {} if before is None else {"restarts_before": before}
    logs = "OSError: y\n" + "bye\n" * 100
    result = run_module(
        "chat_completion", env=docker(f"exited 0 1 {STARTED} no", logs if fatal else "OSError: y"), **given
    )
    assert (result["fatal"], "OSError: y" in result["msg"]) == (fatal, True)


def test_missing_container(run_module, docker):
    given = {"url": "http://127.0.0.1:1", "model": "r1", "prompt": "?", "container": "engine"}
    result = run_module("chat_completion", env=docker("", "", rc=1), **given)
    assert (result["fatal"], result["msg"]) == (False, "container engine does not exist")


@pytest.mark.parametrize(
    ("logs", "phase"),
    [
        ("shard 2/9\nan unknown line", "loading weights 2/9"),
        ("shard 2/9\rshard 3/9", "loading weights 3/9"),
        ("Traceback: an unknown line", "starting the engine"),
    ],
)
def test_progress_is_the_phase_of_loading(run_module, docker, logs, phase):
    given = {"url": "http://127.0.0.1:1", "model": "r1", "prompt": "?", "container": "engine", "phases": PHASES}
    result = run_module("chat_completion", env=docker(f"running 0 0 {STARTED} unless-stopped", logs), **given)
    text = result["progress"]["text"]["message"]
    assert re.fullmatch(rf"{phase} \(running for \d+h \d\dm\)", text)
    assert result["msg"] == result["problems"][0]["message"] == f"no response from http://127.0.0.1:1 yet: {text}"


def test_log_is_read_since_the_last_start(run_module, docker, tmp_path):
    env = docker(f"running 1 0 {STARTED} unless-stopped")
    (tmp_path / "docker").write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/calls\ncat {tmp_path}/"$1"\n')
    run_module("chat_completion", env=env, url="http://127.0.0.1:1", model="r1", prompt="?", container="engine")
    assert (tmp_path / "calls").read_text().splitlines()[1] == f"logs --since {STARTED} --tail 5000 engine"


def test_docker_not_installed(run_module, tmp_path):
    given = {"url": "http://127.0.0.1:1", "model": "r1", "prompt": "?", "container": "engine"}
    result = run_module("chat_completion", env={"PATH": str(tmp_path)}, **given)
    assert (result["fatal"], result["msg"]) == (False, "container engine does not exist: Docker is not installed")


def test_container_is_not_inspected_after_a_response(run_completion, service):
    service.answers[CHAT] = 503, {"detail": "loading"}
    assert run_completion(container="engine")["msg"] == 'HTTP 503: {"detail": "loading"}'


def test_key_is_not_returned(run_module, service):
    service.answers[CHAT] = 400, {"error": "bad key s3cr3t-k3y"}
    result = run_module("chat_completion", url=service.url, model="r1", prompt="?", api_key="s3cr3t-k3y")
    assert "s3cr3t-k3y" not in str(result)
