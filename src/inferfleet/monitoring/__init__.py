"""Monitoring: what Prometheus scrapes, when it alerts, and where Alertmanager sends alerts. Pure functions on data."""

from inferfleet.monitoring.alerts import Alert, Thresholds, load_alerts
from inferfleet.monitoring.files import GROUP, as_forms, forwarder_settings, monitoring_files
from inferfleet.monitoring.prometheus import Target, render_prometheus
from inferfleet.monitoring.receivers import Receivers, render_alertmanager
from inferfleet.monitoring.rules import promtool_tests, render_rules
from inferfleet.monitoring.targets import plan_targets
from inferfleet.monitoring.textfiles import certificate_metrics

__all__ = [
    "GROUP",
    "Alert",
    "Receivers",
    "Target",
    "Thresholds",
    "as_forms",
    "certificate_metrics",
    "forwarder_settings",
    "load_alerts",
    "monitoring_files",
    "plan_targets",
    "promtool_tests",
    "render_alertmanager",
    "render_prometheus",
    "render_rules",
]
