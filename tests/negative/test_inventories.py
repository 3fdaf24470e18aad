"""Every broken inventory is refused for what is wrong with it, before any node is contacted.

The wording is in tests/golden/inventory.{en,zh}.txt.
"""

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from changed_inventory import write_inventory
from tests.unit.inventory.parameters import listed

from inferfleet.messages import Problem

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
CASES = yaml.safe_load((Path(__file__).parent / "cases.yml").read_text())
COMMANDS = [case for case in CASES if "command" in case]
CLOSED = {"ansible_port": 1, "ansible_ssh_common_args": "-F /dev/null -o BatchMode=yes"}
SILENT = {
    "name": "nodes that do not answer",
    "hosts": {"node1": CLOSED, "node2": CLOSED},
    "vars": {"model": "tiny-r1", "accelerator": "cpu"},
    "command": "inferfleet",
}


def by_name(case):
    return case["name"]


@dataclass(frozen=True)
class Run:
    """A command that ended, and the files of its inventory before and after."""

    done: subprocess.CompletedProcess[str]
    before: list[str]
    after: list[str]


def run(case: dict[str, Any], folder: Path) -> Run:
    extra = ["-e", case["extra"]] if "extra" in case else []
    argv = {
        "inferfleet": [BIN / "inferfleet", "up", "-i", folder, "--json", *extra],
        "ansible-playbook": [BIN / "ansible-playbook", "site.yml", "-i", folder, *extra],
    }[case["command"]]
    env = {**os.environ, "PATH": f"{BIN}:{os.environ['PATH']}", "ANSIBLE_FORCE_COLOR": "0", "COLUMNS": "200"}
    before = files(folder)
    done = subprocess.run(argv, cwd=ROOT, env=env, capture_output=True, text=True, timeout=120, check=False)
    return Run(done, before, files(folder))


def files(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


@pytest.fixture(scope="session")
def runs(tmp_path_factory, listener):
    """Start all real commands, as many at once as there are cores, and return their futures by case."""
    port = listener.getsockname()[1]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        yield {
            case["name"]: pool.submit(run, case, write_inventory(case, tmp_path_factory.mktemp("inventory"), port))
            for case in (*COMMANDS, SILENT)
        }


def sentences(problems):
    return [f"{problem['message']} {problem['remedy']}" for problem in problems]


def refusals(problems, case):
    """Return the code of each problem, and of its parameters those that the case names for it."""
    shown = [{"code": code, **parameters} for code, parameters in listed(map(Problem.from_dict, problems))]
    named = [*case["refusals"], *({} for _ in shown)]
    return [
        {key: problem.get(key) for key in (wanted or problem)} for problem, wanted in zip(shown, named, strict=False)
    ]


@pytest.mark.parametrize("case", CASES, ids=by_name)
def test_refusals(case, inventory, check_inventory, nobody_came):
    folder = inventory(case)
    result = check_inventory(folder, case.get("extra"))
    assert refusals(result.get("problems", []), case) == case["refusals"]
    assert result.get("failed", False) is bool(case["refusals"])
    assert result.get("inferfleet_refusal") == ("contract" if case["refusals"] else None)
    assert result.get("msg", "").splitlines() == sentences(result.get("problems", []))
    assert case.get("hidden", "\0") not in json.dumps(result)
    nobody_came()


@pytest.mark.parametrize("case", [c for c in COMMANDS if c["command"] == "inferfleet"], ids=by_name)
def test_refusals_of_the_command(case, runs, nobody_came):
    result = runs[case["name"]].result()
    document = json.loads(result.done.stdout)
    assert refusals(document["problems"], case) == case["refusals"]
    assert (result.done.returncode, document["exit_code"], document["outcome"]) == (1, 1, "bad_input")
    assert document["changed_tasks"] == document["failures"] == []
    assert all(problem["message"] in result.done.stderr for problem in document["problems"])
    assert result.after == result.before
    nobody_came()


@pytest.mark.parametrize("case", [c for c in COMMANDS if c["command"] == "ansible-playbook"], ids=by_name)
def test_refusals_of_ansible_playbook(case, runs, inventory, check_inventory, nobody_came):
    result = runs[case["name"]].result()
    said = result.done.stdout + result.done.stderr
    first, *_ = check_inventory(inventory(case), case.get("extra"))["msg"].splitlines()
    assert result.done.returncode == 2
    assert f"Action failed: {first}\n" in said
    assert "changed=0" in said
    assert case.get("hidden", "\0") not in said
    assert result.after == result.before
    nobody_came()


def test_nodes_that_do_not_answer(runs):
    result = runs[SILENT["name"]].result()
    document = json.loads(result.done.stdout)
    assert sentences(document["problems"]) == [
        f"Host {host} does not answer at {address}:1 as root: connect to host {address} port 1: Connection refused."
        f" Check ansible_host, ansible_user and the key in hosts.yml; `ssh -p 1 root@{address}` must work."
        for host, address in (("node1", "127.0.0.1"), ("node2", "127.0.0.2"))
    ]
    assert (result.done.returncode, document["outcome"], document["changed_tasks"]) == (4, "unreachable", [])
    assert result.after == result.before
