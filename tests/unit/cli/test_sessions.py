"""Command lines of sessions, and the order of their lines."""

import json
import subprocess

import pytest

from inferfleet.runner.command import Access
from inferfleet.sessions import Entry, Ordered, open_session

PROGRAM = "import json,sys; print(json.loads(sys.argv[1])['name'])"


def argv(variables, access=None):
    return open_session("n1", variables, access or Access(), PROGRAM, {"name": "it's me"}).argv


def test_the_program_runs_with_its_settings():
    ended = subprocess.run(argv({"ansible_connection": "local"}), capture_output=True, text=True, check=True)
    assert ended.stdout == "it's me\n"


def test_ssh_gets_the_connection_variables():
    variables = {
        "ansible_host": "10.0.0.1",
        "ansible_port": 2222,
        "ansible_user": "ops",
        "ansible_ssh_private_key_file": "/k y",
        "ansible_ssh_common_args": "-J 'ops@bastion'",
    }
    words = list(argv(variables, Access(user="ignored")))
    assert words[0] == "ssh"
    assert words[words.index("-J") + 1] == "ops@bastion"
    assert words[words.index("-p") :][:2] == ["-p", "2222"]
    assert words[words.index("-l") :][:2] == ["-l", "ops"]
    assert words[words.index("-i") :][:2] == ["-i", "/k y"]
    assert words[-3:-1] == ["--", "10.0.0.1"]
    ended = subprocess.run(["sh", "-c", words[-1]], capture_output=True, text=True, check=True)  # the remote shell
    assert ended.stdout == "it's me\n"


@pytest.mark.parametrize(
    ("variables", "access", "sudo"),
    [
        ({}, Access(), []),
        ({"ansible_become": False}, Access(become=True), []),
        ({"ansible_become": "yes"}, Access(), ["sudo", "-n", "--"]),
        ({}, Access(become=True, become_password="geheim"), ["sudo", "-S", "-p", "", "--"]),
    ],
)
def test_sudo(variables, access, sudo):
    session = open_session("n1", {**variables, "ansible_connection": "local"}, access, PROGRAM, {})
    assert list(session.argv[: len(sudo)]) == sudo
    assert session.argv[len(sudo)] == "/usr/bin/python3"
    assert session.password == access.become_password
    assert "geheim" not in json.dumps(session.argv)
    assert "geheim" not in repr(session)


def entry(time, node="n1", text=""):
    return Entry(time, node, "engine", text)


def test_late_lines_of_other_nodes_are_put_in_order():
    ordered = Ordered(1.0)
    ordered.add(entry("3"), 0.0)
    ordered.add(entry("1", "n2"), 0.5)
    ordered.add(entry("4", "n2"), 0.6)
    assert ordered.ready(0.9) == []
    assert [e.time for e in ordered.ready(1.0)] == ["1", "3"]
    assert [e.time for e in ordered.rest()] == ["4"]
    assert ordered.rest() == []


def test_lines_of_one_time_keep_their_order():
    ordered = Ordered(0.0)
    for text in ("b", "a", "c"):
        ordered.add(entry("1", text=text), 0.0)
    assert [e.text for e in ordered.rest()] == ["b", "a", "c"]
