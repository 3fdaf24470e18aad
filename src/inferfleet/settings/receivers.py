"""Receivers of alerts, as the settings `monitoring_email` and `monitoring_robots` describe them."""

from typing import Annotated, Literal, NotRequired

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
