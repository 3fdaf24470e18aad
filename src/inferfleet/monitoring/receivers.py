"""alertmanager.yml: where alerts are sent. Sources: prometheus.io/docs/alerting/latest/configuration."""

from dataclasses import dataclass
from typing import Any

import yaml


@dataclass(frozen=True)
class Receivers:
    """Receivers that a site sets; each alert is sent to all of them.

    DingTalk and Feishu expect messages of their own form: their robots' addresses cannot be `webhooks`, which get
    Alertmanager's JSON; an adapter such as prometheus-webhook-dingtalk converts it, and its address is the webhook.
    """

    webhooks: tuple[str, ...] = ()
    email_to: str = ""
    email_from: str = ""
    smtp_host: str = ""
    """`host:port`"""
    smtp_user: str = ""
    smtp_password: str = ""
    wecom_corporation: str = ""
    wecom_agent: str = ""
    wecom_secret: str = ""
    wecom_to_party: str = ""


def render_alertmanager(receivers: Receivers) -> str:
    """Return the configuration; without receivers, alerts are only shown in the web page."""
    receiver: dict[str, Any] = {"name": "site"}
    if receivers.webhooks:
        receiver["webhook_configs"] = [{"url": url, "send_resolved": True} for url in receivers.webhooks]
    if receivers.email_to:
        email = {"to": receivers.email_to, "from": receivers.email_from, "smarthost": receivers.smtp_host}
        if receivers.smtp_user:
            email |= {"auth_username": receivers.smtp_user, "auth_password": receivers.smtp_password}
        receiver["email_configs"] = [{**email, "send_resolved": True}]
    if receivers.wecom_secret:
        receiver["wechat_configs"] = [
            {
                "corp_id": receivers.wecom_corporation,
                "agent_id": receivers.wecom_agent,
                "api_secret": receivers.wecom_secret,
                "to_party": receivers.wecom_to_party,
                "send_resolved": True,
            }
        ]
    content = {
        "route": {
            "receiver": "site",
            "group_by": ["alertname", "node"],
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
