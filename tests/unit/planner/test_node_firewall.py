"""The warning of a cluster whose node firewall is switched off."""

from pathlib import Path

import pytest

from inferfleet.inventory.read import read_inventory
from inferfleet.planner import plan_cluster

INVENTORY = str(Path(__file__).parents[3] / "inventories" / "two_models")


@pytest.mark.parametrize(("value", "codes"), [(True, []), (False, ["node-firewall-off"])])
def test_only_a_switched_off_firewall_is_a_warning_once(value, codes):
    cluster = plan_cluster(read_inventory(INVENTORY, {"node_firewall": value}))
    assert [warning.code for warning in cluster.exposed] == codes
    shown = [warning.code for plan in cluster.plans for warning in plan.warnings if "firewall" in warning.code]
    assert shown == codes
