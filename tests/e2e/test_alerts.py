"""Alerts of the deployed cluster: each breakage fires its own and clears it; load alone fires none."""

import time
from typing import Any

import pytest
from alert_history import fired, notified, wait_until_cleared, wait_until_notified
from breakages import Breakage, load
from steady_load import SteadyLoad

pytestmark = pytest.mark.lab
GATEWAY = "https://198.18.5.11:8443"
CASES = [case for case in load() if case.alerts and not case.slow]
LOAD_SECONDS = 60  # twice the longest condition of an alert that load could cause
FIRES_WITHIN = 120  # seconds: half a minute that the condition lasts, with reserve for two busy cores


def test_load_fires_no_alert(deployed: dict[str, Any]) -> None:
    wait_until_cleared()  # of the tests before
    since = time.time()
    with SteadyLoad(GATEWAY, clients=4) as steady:
        time.sleep(LOAD_SECONDS)
    assert steady.outcomes["ok"] > 0
    assert steady.failed == {}
    assert fired(since) == set()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_breakage_fires_its_alert_and_clears_it(case: Breakage, deployed: dict[str, Any]) -> None:
    assert notified().isdisjoint(case.alerts)
    with SteadyLoad(GATEWAY, clients=1):  # a hung engine has requests
        try:
            case.apply()
            wait_until_notified({*case.alerts}, FIRES_WITHIN)
        finally:
            case.repair()
    wait_until_cleared()
