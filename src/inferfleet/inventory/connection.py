"""Validate the variables with which Ansible reaches a host: a wrong one fails in the first task, without a remedy."""

import ipaddress
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from inferfleet.inventory.model import HOSTS, Inventory
from inferfleet.inventory.values import show
from inferfleet.messages import N_, Message, Problem

_LABEL = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"  # RFC 1035, with the underscores of DNS names in use
_HOST_NAME = re.compile(rf"(?=.{{1,253}}$){_LABEL}(?:\.{_LABEL})*")
_PLUGIN = r"(?:[a-z][a-z0-9_]*\.){2,}[a-z][a-z0-9_]*"  # fully qualified name
# ansible-core: lib/ansible/plugins/connection, with the short names of collections' plugins; plugins/become.
_CONNECTION = re.compile(rf"ssh|smart|local|paramiko|paramiko_ssh|docker|podman|lxc|lxd|{_PLUGIN}")
_BECOME = re.compile(rf"sudo|su|runas|doas|dzdo|ksu|machinectl|pbrun|pfexec|pmrun|sesu|sudosu|run0|{_PLUGIN}")
_USER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.@\\+-]*\$?")  # useradd(8), and users of a domain
_PYTHON = re.compile(r"/[^\n;|&]+|python[0-9.]*|auto(?:_legacy)?(?:_silent)?")
_SWITCHES = ("true", "false", "yes", "no", "on", "off", "1", "0", "y", "n", "t", "f")  # ansible: BOOLEANS


def is_address(value: Any) -> bool:
    """Return whether a value is the address or the name of a host that connections can reach."""
    if not isinstance(value, str):
        return False
    try:
        address = ipaddress.ip_address(value)
    except ValueError:
        # A name whose last label is a number is a mistyped address.
        return _HOST_NAME.fullmatch(value) is not None and not value.rpartition(".")[2].isdigit()
    return not (address.is_multicast or address.is_unspecified or str(address) == "255.255.255.255")


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and value.isprintable()


def _matches(pattern: re.Pattern[str]) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, str) and pattern.fullmatch(value) is not None


@dataclass(frozen=True)
class _Rule:
    """What a variable must be; `reason` and `remedy` continue the templates of `check_connections`."""

    fits: Callable[[Any], bool]
    reason: str
    remedy: str


_TEXT = (N_("is not text on one line"), N_("write text, in quotes"))
_RULES = {
    "ansible_host": _Rule(
        is_address,
        N_("is neither the address nor the name of a host"),
        N_("write the address or the DNS name that SSH connects to, for example 10.0.0.11"),
    ),
    "ansible_user": _Rule(
        lambda value: value == "" or _matches(_USER)(value),
        N_("is not the name of a user"),
        N_("write the user that SSH logs in as, in quotes if it is a number"),
    ),
    "ansible_connection": _Rule(
        _matches(_CONNECTION), N_("is not a connection plugin of Ansible"), N_("remove it, or write ssh")
    ),
    "ansible_become": _Rule(
        lambda value: isinstance(value, bool) or str(value).lower() in _SWITCHES,
        N_("is neither true nor false"),
        N_("write true if tasks need sudo to run as root, otherwise false"),
    ),
    "ansible_become_method": _Rule(
        _matches(_BECOME), N_("is not a become plugin of Ansible"), N_("remove it, or write sudo")
    ),
    "ansible_python_interpreter": _Rule(
        _matches(_PYTHON), N_("is not the path of a Python interpreter"), N_("write it like /usr/bin/python3.11")
    ),
    "ansible_ssh_private_key_file": _Rule(_is_text, *_TEXT),
    "ansible_ssh_common_args": _Rule(_is_text, *_TEXT),
}
CONNECTION = frozenset(_RULES)
"""Variables that `check_connections` reads."""


def check_connections(inventory: Inventory) -> list[Problem]:
    """Check the variables with which Ansible reaches each host; one without a value counts as not set."""
    return inventory.group_by_problem(_problems(inventory))


def _problems(inventory: Inventory) -> Iterable[tuple[str, Problem]]:
    for host in inventory.hosts:
        for name, rule in _RULES.items():
            value = inventory.variables[host].get(name)
            if value is None or rule.fits(value):
                continue
            yield (
                host,
                Problem(
                    "bad-value",
                    N_("Variable {name} ({hosts}) is {value}, which {reason}."),
                    N_("Correct {setting}: {remedy}."),
                    name=name,
                    setting=name,
                    value=show(name, value),
                    hosts=HOSTS,
                    reason=Message("", rule.reason),
                    remedy=Message("", rule.remedy),
                ),
            )
