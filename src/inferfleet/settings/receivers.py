"""Receivers of alerts, as the settings `monitoring_email` and `monitoring_robots` describe them."""

import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal, NotRequired

from pydantic import AfterValidator, ConfigDict, with_config
from typing_extensions import TypedDict  # pydantic requires this one before Python 3.12

from inferfleet.messages import N_
from inferfleet.settings.validators import UnfitValueError
from inferfleet.settings.values import Email, HostPort, HttpUrl


@with_config(ConfigDict(extra="forbid", strict=True))
class EmailReceiver(TypedDict):
    """An address, and the server that accepts mail for it: `host:port`, with STARTTLS."""

    to: Email
    sender: Email
    server: HostPort
    user: NotRequired[str]
    password: NotRequired[str]


@with_config(ConfigDict(extra="forbid", strict=True))
class Robot(TypedDict):
    """A robot of a chat group. `url` contains its key; `secret` signs the messages to DingTalk and Feishu."""

    kind: Literal["wecom", "dingtalk", "feishu"]
    url: HttpUrl
    secret: NotRequired[str]


def _at_most_one(value: list[EmailReceiver]) -> list[EmailReceiver]:
    if len(value) > 1:
        raise UnfitValueError(N_("has more than one entry"), N_("use the address of a mailing list"))
    return value


EmailReceivers = Annotated[list[EmailReceiver], AfterValidator(_at_most_one)]

RECEIVERS = ("monitoring_webhooks", "monitoring_robots", "monitoring_email")


def receiver_secrets(variables: Mapping[str, Any]) -> dict[str, str]:
    """Return the secrets of the receivers in a host's variables by name; what is not as the settings require, is not.

    Alertmanager writes the URL of a webhook that does not answer to its log, up to 0.25 with its query.
    """
    return {f"{name} {number}": value for name, value, number in _secrets(variables) if value}


def _secrets(variables: Mapping[str, Any]) -> Iterator[tuple[str, str, int]]:
    for number, url in enumerate(_entries(variables, "monitoring_webhooks", str), 1):
        yield "monitoring_webhooks", _private(url), number
    for number, robot in enumerate(_entries(variables, "monitoring_robots", dict), 1):
        yield "URL of monitoring_robots", _private(str(robot.get("url", ""))), number
        yield "secret of monitoring_robots", str(robot.get("secret", "")), number
    for number, email in enumerate(_entries(variables, "monitoring_email", dict), 1):
        yield "password of monitoring_email", str(email.get("password", "")), number


def _entries(variables: Mapping[str, Any], name: str, kind: type[Any]) -> list[Any]:
    value = variables.get(name)
    return [entry for entry in value if isinstance(entry, kind)] if isinstance(value, list) else []


def _private(url: str) -> str:
    """Return what follows the host of a URL: a key is in the path or the query."""
    return re.sub(r"^\w+://[^/?#]*", "", url)
