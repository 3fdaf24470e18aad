"""An alert arrives at every receiver and is resolved; pages and metrics behind the gateway need a password."""

import subprocess
from pathlib import Path

import httpx
import pytest
from inferfleet_supervisor.metrics import render
from tests.monitoring.conftest import eventually, free_port
from tests.unit.gateway.plans import plan

from inferfleet.gateway import (
    Limits,
    Monitoring,
    Paths,
    backends_of,
    issue_authority,
    issue_server,
    render_config,
    usage_filter,
)
from inferfleet.gateway.clients import CLIENT_MAPS
from inferfleet.gateway.monitoring import credentials

STATUS = {
    "state": "serving",
    "desired": "running",
    "held": None,
    "restarts": 2,
    "exhausted": False,
    "members": [{"node": "n1", "state": "present", "age": 0.1}],
}


def test_alert_arrives_and_is_resolved(monitoring):
    peer = monitoring.peer
    peer.metrics = render({**STATUS, "state": "back-off"})
    fired = eventually(lambda: [body for body in peer.of("/hook") if body["status"] == "firing"])
    alert = fired[0]["alerts"][0]
    assert (alert["labels"]["alertname"], alert["labels"]["replica"]) == ("ReplicaDown", "r1")
    for robot in ("/wecom", "/dingtalk", "/feishu"):
        eventually(lambda robot=robot: peer.of(robot))
    text = peer.of("/wecom")[0]["markdown"]["content"]
    assert "[告警]" in text
    assert alert["annotations"]["remedy"] in text, "the doctor's remedy"
    assert peer.of("/dingtalk")[0]["msgtype"] == "markdown"
    assert peer.of("/feishu")[0]["msg_type"] == "text"
    assert all("sign=" in path for path, _ in peer.received if path.startswith("/dingtalk"))
    peer.metrics = render(STATUS)
    eventually(lambda: [body for body in peer.of("/hook") if body["status"] == "resolved"])
    eventually(lambda: "[已恢复]" in peer.of("/wecom")[-1]["markdown"]["content"])


@pytest.fixture
def gateway(monitoring, tmp_path):
    issued = issue_server(issue_authority("test"), ["localhost"])
    for name in ("server.pem", "issued.pem"):
        (tmp_path / name).write_text(issued.certificate + issued.key)
    for name in ("servers.state", *(f"{name}.map" for name in CLIENT_MAPS)):
        (tmp_path / name).write_text("1\n" if name == "servers.state" else "")
    pages = Monitoring(
        free_port(),
        monitoring.prometheus,
        monitoring.alertmanager,
        "127.0.0.1",
        credentials("admin", "secret-password"),
        free_port(),
    )
    limits = Limits(262144, free_port(), address="127.0.0.1")
    config = tmp_path / "haproxy.cfg"
    backends = backends_of([plan("deepseek-r1", "n1")])
    paths = Paths(str(tmp_path), str(tmp_path / "socket"))
    config.write_text(render_config(backends, free_port(), limits, paths, "key", None, pages))
    Path(paths.of("usage")).write_text(usage_filter())
    process = subprocess.Popen(["haproxy", "-db", "-q", "-f", config])
    yield pages
    process.terminate()
    process.wait()


def test_pages_need_the_password(gateway):
    url = f"https://127.0.0.1:{gateway.port}"
    with httpx.Client(verify=False, trust_env=False) as client:

        def status(path, *user):
            try:
                return client.get(url + path, auth=user or None).status_code
            except httpx.TransportError:
                return 0

        eventually(lambda: status("/-/ready", "admin", "secret-password") == 200)
        eventually(lambda: status("/alertmanager/-/ready", "admin", "secret-password") == 200)
        for path in ("/", "/graph", "/api/v1/query?query=up", "/alertmanager/", "/alertmanager/api/v2/alerts"):
            assert status(path) == 401
            assert status(path, "admin", "wrong") == 401
            assert status(path, "other", "secret-password") == 401


def test_gateway_reports_its_metrics_to_prometheus_only(gateway):
    address = f"http://127.0.0.1:{gateway.metrics_port}"
    own = eventually(lambda: _get(f"{address}/metrics", "127.0.0.1"))
    assert own.status_code == 200
    assert "haproxy_backend_http_responses_total{" in own.text
    assert _get(f"{address}/metrics", "127.0.0.2").status_code == 403
    assert _get(f"{address}/stats", "127.0.0.1").status_code == 404


def _get(url, source):
    transport = httpx.HTTPTransport(local_address=source)
    with httpx.Client(transport=transport, trust_env=False) as client:
        try:
            return client.get(url)
        except httpx.TransportError:
            return None
