"""alertmanager.yml: where alerts are sent. Sources: prometheus.io/docs/alerting/latest/configuration."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from inferfleet.components import load_component


@dataclass(frozen=True)
class Receivers:
    """Receivers that a site sets; each alert is sent to all of them. The entries are those of the settings."""

    webhooks: Sequence[str] = ()
    """URLs that get Alertmanager's JSON."""
    emails: Sequence[Mapping[str, str]] = ()
    robots: Sequence[Mapping[str, str]] = ()
    """Of WeCom, DingTalk and Feishu, to which the alert forwarder on this host sends messages of their own form."""


def render_alertmanager(receivers: Receivers) -> str:
    """Return the configuration; without receivers, alerts are only shown in the web page."""
    receiver: dict[str, Any] = {"name": "site"}
    webhooks = [{"url": url, "send_resolved": True} for url in receivers.webhooks]
    port = load_component("alert_forwarder").ports[0].number
    # One URL a robot: Alertmanager sends again what one of them did not accept, and only that.
    for number, _ in enumerate(receivers.robots):
        webhooks.append({"url": f"http://127.0.0.1:{port}/{number}", "send_resolved": True})
    if webhooks:
        receiver["webhook_configs"] = webhooks
    if receivers.emails:
        receiver["email_configs"] = [_email(entry) for entry in receivers.emails]
    content = {
        "route": {
            "receiver": "site",
            # Not by node: robots accept 20 messages a minute, and a switch that fails affects many nodes.
            "group_by": ["alertname"],
            "group_wait": "10s",
            "group_interval": "1m",
            "repeat_interval": "4h",
        },
        "receivers": [receiver],
        # A node that does not answer explains the alerts of what runs on it.
        "inhibit_rules": [
            {
                "source_matchers": ['alertname="NodeUnreachable"'],
                "target_matchers": ['alertname=~"ReplicaDown|ExporterDown"'],
                "equal": ["node"],
            }
        ],
    }
    return yaml.safe_dump(content, sort_keys=False)


def _email(entry: Mapping[str, str]) -> dict[str, Any]:
    email: dict[str, Any] = {"to": entry["to"], "from": entry["sender"], "smarthost": entry["server"]}
    if entry.get("user"):
        email |= {"auth_username": entry["user"], "auth_password": entry.get("password", "")}
    return {**email, "send_resolved": True}
