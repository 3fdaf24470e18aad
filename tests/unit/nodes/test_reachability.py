"""Problems of hosts on which Ansible cannot run modules."""

import pytest
from ansible.module_utils import python_floor

from inferfleet.messages import Message
from inferfleet.nodes.reachability import (
    FLOOR,
    PROBE,
    python_of,
    root_problem,
    unreachable_problem,
    unreadable_facts_problem,
)

NOT_ROOT = Message("not-root", "tasks run as user {user}", user="nobody")


def test_unreachable_host_is_reported_with_address_and_reason():
    result = {"msg": "Task failed: Failed to connect to the host via ssh: ssh: connect to host: Connection refused"}
    problem = unreachable_problem("n1", {"ansible_host": "10.0.0.1", "ansible_user": "root"}, result)
    assert problem.code == "unreachable"
    assert problem.parameters["command"] == "ssh -p 22 root@10.0.0.1"
    assert problem.parameters["reason"] == "connect to host: Connection refused"
    assert "as the current user: no reason given" in unreachable_problem("n1", {}, {}).message


@pytest.mark.parametrize(
    ("stderr", "reason"),
    [
        (
            "ssh: Could not resolve hostname bastion: Name or service not known\r\n"
            "kex_exchange_identification: Connection closed by remote host\r\nConnection closed by UNKNOWN port 65535",
            "Could not resolve hostname bastion: Name or service not known",
        ),
        (
            "ops@bastion: Permission denied (publickey).\r\nConnection closed by UNKNOWN port 65535",
            "ops@bastion: Permission denied (publickey)",
        ),
        (
            "channel 0: open failed: connect failed: No route to host\r\nstdio forwarding failed\r\n"
            "Connection closed by UNKNOWN port 65535",
            "channel 0: open failed: connect failed: No route to host",
        ),
        (
            "Connection timed out during banner exchange\r\nConnection to UNKNOWN port 65535 timed out",
            "Connection timed out during banner exchange",
        ),
        (
            "kex_exchange_identification: Connection closed by remote host\r\nConnection closed by UNKNOWN port 65535",
            "kex_exchange_identification: Connection closed by remote host",
        ),
    ],
)
def test_reason_and_command_behind_a_jump_host(stderr, reason):
    variables = {
        "ansible_port": 2222,
        "ansible_ssh_private_key_file": "/root/key",
        "ansible_ssh_common_args": "-J ops@bastion",
    }
    result = {"msg": f"Task failed: Failed to connect to the host via ssh: {stderr}\r\n"}
    problem = unreachable_problem("n1", variables, result)
    assert problem.parameters["reason"] == reason
    assert problem.parameters["command"] == "ssh -p 2222 -i /root/key -J ops@bastion n1"
    assert "jump host" in problem.remedy
    assert "jump host" not in unreachable_problem("n1", {}, result).remedy


@pytest.mark.parametrize(
    ("result", "reason"),
    [
        ({"msg": "Task failed: Missing sudo password"}, "Missing sudo password"),
        ({"msg": "Task failed: Incorrect su password"}, "Incorrect su password"),
        (
            {"msg": "Timeout (12s) waiting for privilege escalation prompt: ", "unreachable": True},
            "Timeout (12s) waiting for privilege escalation prompt",
        ),
        (
            {"msg": "MODULE FAILURE", "module_stderr": "ops is not in the sudoers file.\r\n"},
            "ops is not in the sudoers file",
        ),
        ({"msg": "", "problems": [NOT_ROOT.as_dict()]}, "tasks run as user nobody"),
    ],
)
def test_tasks_that_do_not_run_as_root(result, reason):
    problem = root_problem("n1", {"ansible_user": "ops"}, result)
    assert problem is not None
    assert problem.message == f"User ops has no root privileges on host n1: {reason}."
    assert (problem.code, "--ask-become-pass" in problem.remedy) == ("not-root", True)


def test_other_failures_are_not_about_root():
    assert root_problem("n1", {}, {"msg": "Task failed: Connection refused"}) is None


@pytest.mark.parametrize(
    ("probe", "code", "install"),
    [
        ("3.7.9\nkylin\n\nV10\n", "python-too-old", "uv python install 3.11"),
        ("3.6.8\nrocky\nrhel centos fedora\n8.10\n", "python-too-old", "dnf install python3.11"),
        ("3.8.10\nubuntu\ndebian\n20.04\n", "python-too-old", "apt-get install python3"),
        ("3.8.2\nopeneuler\n\n22.03\n", "python-too-old", "dnf install python3"),
        ("none\ndebian\n\n12\n", "python-missing", "apt-get install python3"),
        ("none\n", "python-missing", "uv python install 3.11"),
        ("none\nalpine\n\n3.20\n", "python-missing", "uv python install 3.11"),
    ],
)
def test_unsupported_python_is_reported_with_an_install_command(probe, code, install):
    problem = unreadable_facts_problem("n1", "/usr/bin/python3", probe, {"msg": "SyntaxError"})
    assert problem.code == code
    assert problem.parameters["install"] == install
    assert "ansible_python_interpreter of n1" in problem.remedy


def test_python_that_rejects_the_modules_is_too_old_even_if_it_does_not_report_its_version():
    failed = {
        "msg": "No start of json char found",
        "module_stderr": "SyntaxError: future feature annotations is not defined",
    }
    problem = unreadable_facts_problem("n1", "/opt/python3.6", "none\nrocky\nrhel centos fedora\n8.10\n", failed)
    assert problem.code == "python-too-old"
    assert problem.message == "Host n1 has a Python older than 3.9 at /opt/python3.6."


@pytest.mark.parametrize("probe", ["3.9.2\ndebian\n\n11\n", "3.13.0\n", ""])
def test_other_module_failures_keep_their_reason(probe):
    problem = unreadable_facts_problem("n1", "/usr/bin/python3", probe, {"msg": "Install iproute2 on the node."})
    assert (problem.code, problem.parameters["reason"]) == ("facts-unreadable", "Install iproute2 on the node.")


@pytest.mark.parametrize(
    ("variables", "python"),
    [
        ({}, "/usr/bin/python3"),
        ({"ansible_python_interpreter": "auto_silent"}, "/usr/bin/python3"),
        ({"ansible_facts": {"discovered_interpreter_python": "/usr/bin/python3.8"}}, "/usr/bin/python3.8"),
        ({"ansible_python_interpreter": "/opt/python/bin/python3"}, "/opt/python/bin/python3"),
    ],
)
def test_python_interpreter_of_ansible(variables, python):
    assert python_of(variables) == python


def test_oldest_python_is_the_same_on_nodes_and_controller():
    assert ".".join(map(str, python_floor.FLOOR)) == FLOOR
    assert "{python}" in PROBE


def test_another_failure_that_is_a_message_stays_one():
    failed = Message("ip-failed", "`ip -json address show` failed: {reason}. Install iproute2 on the node.", reason="x")
    problem = unreadable_facts_problem(
        "n1", "/usr/bin/python3", "3.13.0\n", {"msg": str(failed), "problems": [failed.as_dict()]}
    )
    assert problem.parameters["reason"] == failed
