"""The rendered files, checked by the real promtool and amtool."""

import subprocess

import pytest

from inferfleet.monitoring import (
    Receivers,
    Target,
    Thresholds,
    load_alerts,
    promtool_tests,
    render_alertmanager,
    render_prometheus,
    render_rules,
)

ALL = Thresholds(queue_seconds=30, ttft_seconds=2, tpot_seconds=0.2)


def check(*command):
    done = subprocess.run([*map(str, command)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("language", ["en", "zh"])
def test_each_alert_fires_in_its_case_only(tmp_path, language):
    (tmp_path / "rules.yml").write_text(render_rules(ALL, language))
    (tmp_path / "tests.yml").write_text(promtool_tests("rules.yml", ALL, language))
    check("promtool", "check", "rules", tmp_path / "rules.yml")
    check("promtool", "test", "rules", tmp_path / "tests.yml")


def test_promtool_notices_an_alert_that_cannot_fire(tmp_path):
    (tmp_path / "rules.yml").write_text(render_rules(ALL).replace("== 0", "== 7"))
    (tmp_path / "tests.yml").write_text(promtool_tests("rules.yml", ALL))
    done = subprocess.run(["promtool", "test", "rules", tmp_path / "tests.yml"], capture_output=True, text=True)
    assert done.returncode != 0
    assert "ReplicaDown" in done.stdout + done.stderr


def test_threshold_of_zero_removes_its_alert():
    rules = render_rules(Thresholds())
    assert "SlowFirstToken" not in rules
    assert "QueueTime" in rules
    assert "$" not in "".join(line for line in rules.splitlines() if "expr" in line)


def test_alerts_have_texts_in_both_languages():
    english, chinese = (render_rules(ALL, language) for language in ("en", "zh"))
    titles = [alert.described().title for alert in load_alerts()]
    assert [title for title in titles if title not in english] == []
    assert [title for title in titles if title in chinese] == []


def test_prometheus_configuration(tmp_path):
    rules, key = tmp_path / "rules.yml", tmp_path / "key"
    rules.write_text(render_rules(ALL))
    key.write_text("secret-of-the-engines")
    targets = [
        Target("engine", "10.0.0.1:8000", "n1", labels={"replica": "replica-1"}),
        Target("node_exporter", "10.0.0.1:9100", "n1"),
        Target("node_exporter", "10.0.0.2:9100", "n2"),
    ]
    text = render_prometheus(targets, rules=str(rules), alertmanager="10.0.0.1:9093", key_file=str(key))
    (tmp_path / "prometheus.yml").write_text(text)
    check("promtool", "check", "config", tmp_path / "prometheus.yml")
    assert text.count("job_name") == 2
    assert text.count("credentials_file") == 1
    assert "secret-of-the-engines" not in text


@pytest.mark.parametrize(
    "receivers",
    [
        Receivers(),
        Receivers(webhooks=("http://127.0.0.1:9/hook", "http://127.0.0.1:9/dingtalk")),
        Receivers(emails=({"to": "a@example.com", "sender": "b@example.com", "server": "mail.example.com:587"},)),
        Receivers(robots=({"kind": "wecom", "url": "https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=k"},)),
    ],
    ids=["none", "webhooks", "e-mail", "robot"],
)
def test_alertmanager_configuration(tmp_path, receivers):
    (tmp_path / "alertmanager.yml").write_text(render_alertmanager(receivers))
    check("amtool", "check-config", tmp_path / "alertmanager.yml")
