"""`inferfleet plan` and the preflight of a deployment refuse the same inventories and facts, for the same reasons."""

import json

import pytest
from changed_inventory import CASES, write_inventory
from tests.negative.planner import planner_case
from typer.testing import CliRunner

from inferfleet.cli import app

pytestmark = pytest.mark.slow  # reads every inventory twice with Ansible

PLANS = planner_case.read_cases()


def planned(folder, extra=None):
    """Return the codes of what `inferfleet plan` refuses."""
    arguments = ["plan", "-i", str(folder), "--json", *(["-e", extra] if extra else [])]
    done = CliRunner().invoke(app, arguments)
    return [problem["code"] for problem in json.loads(done.stdout)["problems"]]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_inventories(case, tmp_path, preflight):
    folder = write_inventory(case, tmp_path / "inventory", 22)
    codes = planned(folder, case.get("extra"))
    assert codes == preflight(folder, case.get("extra"))
    assert bool(codes) >= bool(case["refusals"])


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        ("", ["inventory-broken"]),
        ("all: [1, 2]", ["not-a-group", "no-head"]),
        ("[ray_head\nnode1", ["yaml-syntax"]),
        ("ray_head: {hosts: {node1: }, children: {a: {children: {ray_head: }}}}", ["inventory-broken"]),
    ],
    ids=["empty", "a list", "cut off", "a loop of groups"],
)
def test_unparsable_inventory(text, codes, tmp_path, preflight):
    folder = tmp_path / "inventory"
    folder.mkdir()
    (folder / "hosts.yml").write_text(text)
    assert planned(folder) == preflight(folder) == codes


@pytest.mark.parametrize("line", ["node1 ansible_host = 10.0.0.1", 'node1 ansible_host="10.0.0.1', "[all:var]\nx_a=1"])
def test_unparsable_ini(line, tmp_path, preflight):
    folder = tmp_path / "inventory"
    folder.mkdir()
    (folder / "hosts.ini").write_text(f"[ray_head]\nnode0 ansible_host=10.0.0.9\n{line}\n")
    assert planned(folder) == preflight(folder) == ["inventory-broken"]


@pytest.mark.parametrize("case", PLANS, ids=lambda case: case["name"])
def test_plans(case, tmp_path, preflight):
    (tmp_path / "inventory").mkdir()
    folder = planner_case.write_inventory(case, tmp_path / "inventory")
    # planner/test_planner_refusals.py asserts the same of `inferfleet plan`
    codes = [refusal.partition(":")[0] for refusal in case["refusals"]]
    assert preflight(folder, facts=planner_case.facts_of(case)) == codes
