"""Problems of hosts on which Ansible cannot run modules."""

import pytest
from ansible.module_utils import python_floor

from inferfleet.messages import Message
from inferfleet.nodes.reachability import FLOOR, PROBE, python_of, unreachable_problem, unreadable_facts_problem


def test_unreachable_host_is_reported_with_address_and_reason():
    result = {"msg": "Task failed: Failed to connect to the host via ssh: ssh: connect to host: Connection refused"}
    problem = unreachable_problem("n1", {"ansible_host": "10.0.0.1", "ansible_user": "root"}, result)
    assert problem.code == "unreachable"
    assert problem.parameters["target"] == "root@10.0.0.1"
    assert problem.parameters["reason"] == "connect to host: Connection refused"
    assert "as the current user: no reason given" in unreachable_problem("n1", {}, {}).message


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
