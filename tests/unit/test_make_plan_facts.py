"""Which facts of a node the plan is made with."""

import importlib.util
from pathlib import Path

PATH = Path(__file__).resolve().parents[2] / "plugins/action/make_plan.py"
spec = importlib.util.spec_from_file_location("make_plan", PATH)
assert spec is not None
assert spec.loader is not None
make_plan = importlib.util.module_from_spec(spec)
spec.loader.exec_module(make_plan)


def variables(**given):
    accelerators = {"vendor": "nvidia", "driver_version": "470.82.01", "accelerators": [{"index": 0}], "problems": []}
    return {"ansible_facts": {"inferfleet_accelerators": accelerators}, **given}


def test_a_driver_that_stays_counts():
    assert make_plan._hardware(variables(), upgrades=True)["driver_version"] == "470.82.01"


def test_a_driver_that_is_to_be_upgraded_does_not_count_before_it_is():
    asked = variables(nvidia_driver_install="upgrade")
    assert "driver_version" not in make_plan._hardware(asked, upgrades=True)
    assert make_plan._hardware(asked, upgrades=False)["driver_version"] == "470.82.01"
