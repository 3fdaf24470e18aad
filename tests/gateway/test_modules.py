"""The modules that check the gateway, against HAProxy on the loopback interface."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from tests.gateway.conftest import KEYS

from inferfleet.gateway import INTERNAL_NAME, issue_authority

RUN_MODULE = Path(__file__).parents[1] / "run_module.py"


def answers(gateway, **changes):
    arguments = {
        "url": f"https://{INTERNAL_NAME}:{gateway.port}",
        "address": "127.0.0.1",
        "ca": (gateway.folder / "ca.pem").read_text(),
        "api_key": KEYS["bob"],
        "model": "small",
        "prompt": "Hi",
        **changes,
    }
    done = subprocess.run(
        [sys.executable, RUN_MODULE, "gateway_answers"],
        input=json.dumps({"ANSIBLE_MODULE_ARGS": arguments | {"_ansible_remote_tmp": "/tmp"}}),
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)


def test_gateway_answers_by_its_internal_name(gateway):
    result = answers(gateway)
    assert (result["ready"], result["models"], result["problems"]) == (True, ["small"], [])


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"model": "deepseek/r1"}, "model-missing"),
        ({"api_key": "wrong"}, "http-status"),
        ({"expected": "^never$"}, "wrong-answer"),
        ({"ca": issue_authority("another").certificate}, "no-answer"),
        ({"ca": "no certificate"}, "no-answer"),
        ({"url": "https://other.example.com:1"}, "no-answer"),
    ],
)
def test_unexpected_answers_are_problems(gateway, changes, code):
    result = answers(gateway, **changes)
    assert not result["ready"]
    assert result["progress"]["text"]["code"] == code
    assert KEYS["bob"] not in json.dumps(result)
