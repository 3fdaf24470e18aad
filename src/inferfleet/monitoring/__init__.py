"""Monitoring: what Prometheus scrapes, when it alerts, and where Alertmanager sends alerts. Pure functions on data."""

from inferfleet.monitoring.alerts import Alert, Thresholds, load_alerts
from inferfleet.monitoring.prometheus import Target, render_prometheus
from inferfleet.monitoring.receivers import Receivers, render_alertmanager
from inferfleet.monitoring.rules import promtool_tests, render_rules

__all__ = [
    "Alert",
    "Receivers",
    "Target",
    "Thresholds",
    "load_alerts",
    "promtool_tests",
    "render_alertmanager",
    "render_prometheus",
    "render_rules",
]
