"""Every invalid inventory is refused with the right problems, before any node is contacted.

The wording is in tests/golden/inventory.{en,zh}.txt.
"""

import json

import pytest
from changed_inventory import CASES, by_name, refusals, sentences


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
