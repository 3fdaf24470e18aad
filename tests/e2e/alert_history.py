"""The alerts of the test cluster, as its Prometheus and Alertmanager show them."""

import time

import httpx
from lab_cluster import eventually

PROMETHEUS = "http://198.18.5.11:8409"
ALERTMANAGER = "http://198.18.5.11:8410/alertmanager"
CLEARED_WITHIN = 480  # seconds: RestartLoop looks back over six minutes in the test cluster; a replica may still load


def fired(since: float) -> set[str]:
    """Return the names of the alerts that fired since a time in seconds since the epoch, by Prometheus' own record."""
    window = max(1, round(time.time() - since))
    query = f'max by (alertname) (max_over_time(ALERTS{{alertstate="firing"}}[{window}s]))'
    answer = httpx.get(f"{PROMETHEUS}/api/v1/query", params={"query": query}, trust_env=False, timeout=30)
    return {series["metric"]["alertname"] for series in answer.raise_for_status().json()["data"]["result"]}


def notified() -> set[str]:
    """Return the names of the active alerts of Alertmanager, of which it notifies receivers."""
    answer = httpx.get(f"{ALERTMANAGER}/api/v2/alerts", params={"active": "true"}, trust_env=False, timeout=30)
    return {alert["labels"]["alertname"] for alert in answer.raise_for_status().json()}


def wait_until_notified(names: set[str], timeout: float) -> None:
    """Wait until all these alerts are active in Alertmanager."""
    eventually(lambda: names <= notified(), timeout, f"Alertmanager gets {', '.join(sorted(names))}")


def wait_until_cleared() -> None:
    """Wait until no alert is active."""
    eventually(lambda: not notified(), CLEARED_WITHIN, "the alerts are resolved")
