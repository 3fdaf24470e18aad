"""Hosts on which Ansible cannot run modules, and what their problems name."""

import pytest
from ansible.module_utils import python_floor

from inferfleet.messages import Message
from inferfleet.nodes.reachability import FLOOR, PROBE, python_of, unreachable_problem, unreadable_facts_problem


def test_an_unreachable_host_is_named_with_address_and_reason():
    result = {"msg": "Task failed: Failed to connect to the host via ssh: ssh: connect to host: Connection refused"}
    problem = unreachable_problem("n1", {"ansible_host": "10.0.0.1", "ansible_user": "root"}, result)
    assert problem.code == "unreachable"
    assert problem.parameters["target"] == "root@10.0.0.1"
    assert problem.parameters["reason"] == "connect to host: Connection refused"
    assert "as your own user: no reason given" in unreachable_problem("n1", {}, {}).message


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
def test_a_python_that_cannot_run_modules_is_refused_with_how_to_install_one(probe, code, install):
    problem = unreadable_facts_problem("n1", "/usr/bin/python3", probe, {"msg": "SyntaxError"})
    assert problem.code == code
    assert problem.parameters["install"] == install
    assert "ansible_python_interpreter of n1" in problem.remedy


@pytest.mark.parametrize("probe", ["3.9.2\ndebian\n\n11\n", "3.13.0\n", ""])
def test_another_failure_of_the_module_keeps_its_own_reason(probe):
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
def test_the_python_that_ansible_runs(variables, python):
    assert python_of(variables) == python


def test_nodes_and_controller_know_the_same_floor():
    assert ".".join(map(str, python_floor.FLOOR)) == FLOOR
    assert "{python}" in PROBE


def test_another_failure_that_is_a_message_stays_one():
    failed = Message("ip-failed", "`ip -json address show` failed: {reason}. Install iproute2 on the node.", reason="x")
    problem = unreadable_facts_problem(
        "n1", "/usr/bin/python3", "3.13.0\n", {"msg": str(failed), "problems": [failed.as_dict()]}
    )
    assert problem.parameters["reason"] == failed
