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
    ],
    ids=["empty", "a list", "cut off"],
)
def test_unparsable_inventory(text, codes, tmp_path, preflight):
    folder = tmp_path / "inventory"
    folder.mkdir()
    (folder / "hosts.yml").write_text(text)
    assert planned(folder) == preflight(folder) == codes


@pytest.mark.parametrize("case", PLANS, ids=lambda case: case["name"])
def test_plans(case, tmp_path, preflight):
    (tmp_path / "inventory").mkdir()
    folder = planner_case.write_inventory(case, tmp_path / "inventory")
    # planner/test_planner_refusals.py asserts the same of `inferfleet plan`
    codes = [refusal.partition(":")[0] for refusal in case["refusals"]]
    assert preflight(folder, facts=planner_case.facts_of(case)) == codes
