"""Failure messages, from real results of Ansible 2.19."""

from typing import Any

import pytest

from inferfleet.runner.messages import has_remedy, plain_message


@pytest.mark.parametrize(
    ("result", "message"),
    [
        ({"msg": "Set engine_port."}, "Set engine_port."),
        ({"msg": "Task failed: Module failed: No package matching 'x'"}, "No package matching 'x'"),
        (
            {
                "msg": "Task failed: Failed to connect to the host via ssh: ssh: connect to host 10.0.0.1 port 22:"
                " Connection refused"
            },
            "connect to host 10.0.0.1 port 22: Connection refused",
        ),
        (
            {"msg": "non-zero return code", "rc": 2, "stderr": "usage\nls: cannot access '/x': No such file\n"},
            "The command exited with status 2: ls: cannot access '/x': No such file",
        ),
        ({"msg": "non-zero return code", "rc": 7, "stderr": ""}, "The command exited with status 7."),
        (
            {"msg": "Error pulling the image", "stderr": "manifest unknown\n"},
            "Error pulling the image\nmanifest unknown",
        ),
        (
            {
                "msg": "Module result deserialization failed: No start of json char found",
                "module_stderr": "/bin/sh: 1: /usr/bin/python3: not found\n",
                "rc": 127,
            },
            "The command exited with status 127: /bin/sh: 1: /usr/bin/python3: not found",
        ),
        ({"censored": "the output has been hidden due to …"}, "The output is hidden because it may contain a secret."),
        (
            {
                "msg": "One or more items failed",
                "results": [
                    {"item": "a", "failed": False, "msg": "fine"},
                    {"item": "b", "failed": True, "msg": "no space left"},
                    {"item": {"name": "c"}, "failed": True, "msg": "not found"},
                ],
            },
            "b: no space left\nnot found",
        ),
        ({"msg": {"code": 3}}, "{'code': 3}"),
        ({}, "The task failed."),
    ],
)
def test_messages(result: dict[str, Any], message: str) -> None:
    assert str(plain_message(result)) == message


@pytest.mark.parametrize(
    ("result", "known"),
    [
        ({"msg": "Error pulling the image"}, False),
        ({"msg": "no", "problems": [{"message": "no", "remedy": ""}]}, False),
        ({"msg": "no", "problems": [{"message": "no", "remedy": "Free space."}]}, True),
        ({"results": [{"failed": True, "problems": [{"message": "no", "remedy": "Free space."}]}]}, True),
        ({"results": [{"failed": False, "problems": [{"message": "no", "remedy": "Free space."}]}]}, False),
    ],
)
def test_remedy_of_a_failed_task(result: dict[str, Any], known: bool) -> None:
    assert has_remedy(result) is known
