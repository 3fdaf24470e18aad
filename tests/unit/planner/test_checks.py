"""The table of checks contains every check of inventory/ and planner/, and missing facts cause no problems."""

import ast
from pathlib import Path

from inferfleet.inventory import Inventory
from inferfleet.inventory.facts import Host
from inferfleet.planner import cluster, make
from inferfleet.planner.checks import CHECKS, Selection, SizedSelection, checks_of, run_checks
from inferfleet.planner.fleet import Fleet, read_fleet
from inferfleet.settings import Settings

SOURCE = Path(__file__).parents[3] / "src/inferfleet"
NODES = {f"n{i}": {"role": "worker" if i else "head", "address": f"10.0.0.{i + 1}"} for i in range(2)}
# Called by another check, or part of a search; not separate checks.
PARTS = {
    "check_services",
    "check_inventory",
    "run_checks",
    "settings_problems",
    "health_problems",
    "removal_problems",  # of one command
}


def test_every_check_is_in_the_table():
    written = {
        node.name
        for folder in ("inventory", "planner")
        for file in (SOURCE / folder).glob("*.py")
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.FunctionDef) and (node.name.startswith("check_") or node.name.endswith("_problems"))
        if not node.name.startswith("_")
    }
    named = {node.id for node in ast.walk(_table()) if isinstance(node, ast.Name)}
    methods = {"input_problems", "problems_of"}
    assert written - PARTS - methods - named == set()


def _table():
    tree = ast.parse((SOURCE / "planner/checks.py").read_text())
    return next(
        node.value
        for node in tree.body
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "CHECKS"
    )


def test_every_subject_type_is_checked():
    assert {check.subject for check in CHECKS} == {Inventory, Settings, Fleet, Selection, SizedSelection, Host}
    assert all(list(checks_of(check.subject)) for check in CHECKS)
    assert (make.run_checks, cluster.run_checks) == (run_checks, run_checks)


def test_missing_facts_cause_no_problems():
    settings = Settings(accelerator="H200-141G", accelerators_per_node=8)
    fleet, problems = read_fleet(settings, NODES)
    subjects = {Fleet: fleet, Host: Host("n1", {}, {"engine_port": 8000}, {"images": ("/d", 1)})}
    needing = [check for check in CHECKS if check.needs_facts and check.subject in subjects]
    assert problems == []
    assert len(needing) >= 10
    assert [problem for check in needing for problem in check.run(subjects[check.subject])] == []
