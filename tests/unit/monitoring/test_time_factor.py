"""Shortened times of the alerts."""

import re

import pytest
import yaml

from inferfleet.monitoring import Thresholds, render_rules
from inferfleet.monitoring.rules import shortened


@pytest.mark.parametrize(
    ("duration", "factor", "least", "expected"),
    [
        ("5m", 1, 60, "5m"),
        ("5m", 0.1, 0, "30s"),
        ("5m", 0.1, 60, "60s"),
        ("6h", 0.1, 60, "2160s"),
        ("0m", 0.1, 0, "0s"),
        ("30s", 0.1, 60, "30s"),
    ],
)
def test_duration_is_multiplied(duration, factor, least, expected):
    assert shortened(duration, factor, least) == expected


def rules(factor):
    groups = yaml.safe_load(render_rules(Thresholds(time_factor=factor)))["groups"]
    return {rule["alert"]: rule for group in groups for rule in group["rules"] if "alert" in rule}


def test_windows_and_waits_are_shortened():
    short, normal = rules(0.1), rules(1)
    assert (normal["GatewayErrors"]["for"], short["GatewayErrors"]["for"]) == ("5m", "30s")
    assert "[5m]" in normal["GatewayErrors"]["expr"]
    assert set(re.findall(r"\[\w+\]", short["GatewayErrors"]["expr"])) == {"[60s]"}
    disk = short["DiskFilling"]["expr"]
    assert "[30s]" in render_rules(Thresholds(time_factor=0.1), interval=5)
    assert "[2160s], 86400)" in disk, "the forecast is still of a day"
    assert "offset 1080s" in disk
