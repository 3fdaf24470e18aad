"""The span that the playbook requests, on a controller in any time zone."""

import time
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
import yaml
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar, trust_as_template

TASKS = Path(__file__).parents[3] / "roles/gateway/tasks/usage.yml"


@pytest.mark.parametrize("zone", ["UTC", "Asia/Shanghai", "America/New_York"])
def test_span_does_not_depend_on_the_time_zone(monkeypatch, zone):
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        url = yaml.safe_load(TASKS.read_text())[0]["ansible.builtin.uri"]["url"]
        variables = {"__gateway_usage": {"ports": [{"number": 8412}]}, "gateway_usage_seconds": 3600}
        address = str(Templar(loader=DataLoader(), variables=variables).template(trust_as_template(url)))
    finally:
        monkeypatch.undo()
        time.tzset()
    since = int(parse_qs(urlsplit(address).query)["since"][0])
    assert 0 <= time.time() - since - 3600 < 1800
