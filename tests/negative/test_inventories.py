"""Every broken inventory is refused word for word, before any node is contacted."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
CASES = yaml.safe_load((Path(__file__).parent / "cases.yml").read_text())
COMMANDS = [case for case in CASES if "command" in case]


def by_name(case):
    return case["name"]


def run(*argv):
    env = {**os.environ, "PATH": f"{BIN}:{os.environ['PATH']}", "ANSIBLE_FORCE_COLOR": "0", "COLUMNS": "200"}
    return subprocess.run([str(part) for part in argv], cwd=ROOT, env=env, capture_output=True, text=True, timeout=120)


def refusals(problems):
    return [f"{problem['message']} {problem['remedy']}" for problem in problems]


def files(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


@pytest.mark.parametrize("case", CASES, ids=by_name)
def test_refusals(case, inventory, check_contract, nobody_came):
    folder = inventory(case)
    result = check_contract(folder, case.get("extra"))
    assert refusals(result.get("problems", [])) == case["refusals"]
    assert result.get("failed", False) is bool(case["refusals"])
    assert result.get("inferfleet_refusal") == ("contract" if case["refusals"] else None)
    assert result.get("msg", "").splitlines() == case["refusals"]
    assert case.get("hidden", "\0") not in json.dumps(result)
    nobody_came()


@pytest.mark.parametrize("case", [c for c in COMMANDS if c["command"] == "inferfleet"], ids=by_name)
def test_refusals_of_the_command(case, inventory, nobody_came):
    folder = inventory(case)
    before = files(folder)
    extra = ["-e", case["extra"]] if "extra" in case else []
    done = run(BIN / "inferfleet", "up", "-i", folder, "--json", *extra)
    document = json.loads(done.stdout)
    assert refusals(document["problems"]) == case["refusals"]
    assert (done.returncode, document["exit_code"], document["outcome"]) == (1, 1, "bad_input")
    assert document["changed_tasks"] == document["failures"] == []
    assert all(problem["message"] in done.stderr for problem in document["problems"])
    assert files(folder) == before
    nobody_came()


@pytest.mark.parametrize("case", [c for c in COMMANDS if c["command"] == "ansible-playbook"], ids=by_name)
def test_refusals_of_ansible_playbook(case, inventory, nobody_came):
    folder = inventory(case)
    before = files(folder)
    done = run(BIN / "ansible-playbook", "site.yml", "-i", folder)
    said = done.stdout + done.stderr
    assert done.returncode == 2
    assert f"Action failed: {case['refusals'][0]}\n" in said
    assert "changed=0" in said
    assert case.get("hidden", "\0") not in said
    assert files(folder) == before
    nobody_came()


def test_nodes_that_do_not_answer(inventory):
    closed = {"ansible_port": 1, "ansible_ssh_common_args": "-F /dev/null -o BatchMode=yes"}
    folder = inventory(
        {"hosts": {"node1": closed, "node2": closed}, "vars": {"model": "tiny-r1", "accelerator": "cpu"}}
    )
    before = files(folder)
    done = run(BIN / "inferfleet", "up", "-i", folder, "--json")
    document = json.loads(done.stdout)
    assert refusals(document["problems"]) == [
        f"Host {host} does not answer at {address}:1 as root: connect to host {address} port 1: Connection refused."
        f" Check ansible_host, ansible_user and the key in hosts.yml; `ssh -p 1 root@{address}` must work."
        for host, address in (("node1", "127.0.0.1"), ("node2", "127.0.0.2"))
    ]
    assert (done.returncode, document["outcome"], document["changed_tasks"]) == (4, "unreachable", [])
    assert files(folder) == before
