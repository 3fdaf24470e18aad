"""What `inferfleet init` needs to know of a site, and the hosts in its answers."""

import ipaddress
from dataclasses import dataclass
from itertools import count

from inferfleet.inventory.ranges import bad_ranges, expand
from inferfleet.messages import N_
from inferfleet.runner.errors import UsageError

NO_WEBUI = "none"
"""Answer for a site without Open WebUI."""


@dataclass(frozen=True, slots=True)
class NewHost:
    """A host by its name in the inventory; `address` is empty if SSH connects to the name."""

    name: str
    address: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """A site; the first host is the head node. Empty text and zeros are left out of the inventory."""

    hosts: tuple[NewHost, ...]
    accelerator: str
    accelerators_per_node: int
    model: str
    user: str = "root"
    port: int = 0
    sudo: bool = False
    jump_host: str = ""
    cluster_network: str = ""
    webui: NewHost | None = None


def parse_hosts(text: str) -> tuple[NewHost, ...]:
    """Return the hosts in a list such as `10.0.0.11,gpu[2:4],node[5:6]=10.0.0.[15:16]`.

    A host that is only an address is named node1, node2, …

    Raises:
        UsageError: the list has no host, a wrong range or a name twice.
    """
    hosts: list[NewHost] = []
    numbers = count(1)
    for entry in text.replace(",", " ").split():
        left, sign, right = entry.partition("=")
        if sign:
            names, addresses = _expand(left), _expand(right)
            if len(names) != len(addresses):
                raise UsageError(
                    "bad-host-range",
                    N_("Hosts {entry}: there are {names} names and {addresses} addresses."),
                    N_("Write ranges of the same length, for example node[1:4]=10.0.0.[11:14]."),
                    entry=entry,
                    names=len(names),
                    addresses=len(addresses),
                )
            hosts += map(NewHost, names, addresses)
        else:
            for name in _expand(entry):
                hosts.append(NewHost(f"node{next(numbers)}", name) if _is_ip(name) else NewHost(name))
    names = [host.name for host in hosts]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise UsageError(
            "host-twice",
            N_("Hosts: {names} is there more than once."),
            N_("Give each host a name of its own, for example gpu1=10.0.0.11."),
            names=twice,
        )
    if not hosts:
        raise UsageError("no-hosts", N_("There is no host."), N_("Write addresses or names, separated by commas."))
    return tuple(hosts)


def webui_host(text: str, hosts: tuple[NewHost, ...]) -> NewHost | None:
    """Return the host of Open WebUI: the first node without an answer, one of the nodes, another host, or none.

    Raises:
        UsageError: the answer is more than one host.
    """
    if not text:
        return hosts[0]
    if text == NO_WEBUI:
        return None
    known = {name: host for host in hosts for name in (host.name, host.address) if name}
    if text in known:
        return known[text]
    given = parse_hosts(text)
    if len(given) > 1:
        raise UsageError(
            "two-webuis",
            N_("Web UI: {value} is more than one host, but Open WebUI stores its users on a single host."),
            N_("Write one host."),
            value=text,
        )
    [host] = given
    return NewHost("webui", host.address) if "=" not in text and host.address else host


def _expand(text: str) -> list[str]:
    """Return the names of a range, or the one name; raises UsageError."""
    if next(bad_ranges([text], ""), None):
        raise UsageError(
            "bad-host-range",
            N_("{host} is not a range of hosts."),
            N_("Write the first and the last number, for example node[02:04]."),
            host=text,
        )
    return expand(text)


def _is_ip(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
