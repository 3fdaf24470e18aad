"""Ranges of hosts in an inventory, such as node[02:04]."""

import re
import string
from collections.abc import Iterable, Iterator
from math import prod

from inferfleet.messages import N_, Problem
from inferfleet.runner.errors import UsageError

MAX_HOSTS = 10_000
"""Hosts of one range; Ansible expands it before anything checks it."""
_NUMBERS = re.compile(r"\[(\d*):(\d+)(?::(\d+))?\]")
_LETTERS = re.compile(r"\[([A-Za-z]):([A-Za-z])(?::(\d+))?\]")


def bad_ranges(hosts: Iterable[str], shown: str) -> Iterator[Problem]:
    """Yield each range of hosts that Ansible does not expand, or expands to no host.

    Raises:
        UsageError: a range has more than MAX_HOSTS hosts.
    """
    for host in hosts:
        ranges = re.findall(r"\[[^\]]*\]?", host)
        if prod(map(_size, ranges)) > MAX_HOSTS:
            raise UsageError(
                "bad-host-range",
                N_("File {file}: {host} is a range of more than {limit} hosts."),
                N_("Correct its last number."),
                file=shown,
                host=host,
                limit=MAX_HOSTS,
            )
        for text in ranges:
            if not _size(text):
                yield Problem(
                    "bad-host-range",
                    N_("File {file}: {host} is not a range of hosts."),
                    N_("Write the first and the last number, for example node[02:04]."),
                    file=shown,
                    host=host,
                )


def _size(text: str) -> int:
    """Return the number of names that Ansible expands a range to, at most; 0 if it is not a range."""
    if numbers := _NUMBERS.fullmatch(text):
        if (numbers[1] or "").startswith("0") and len(numbers[1]) not in (1, len(numbers[2])):
            return 0  # Ansible refuses leading zeros in numbers of different lengths
        return max(0, int(numbers[2]) - int(numbers[1] or 0) + 1)
    letters = _LETTERS.fullmatch(text)
    return max(0, ord(letters[2]) - ord(letters[1]) + 1) if letters else 0


def expand(host: str) -> list[str]:
    """Return the names of a range as Ansible expands it, or the one name; its ranges must be valid.

    Ansible's own function (ansible.plugins.inventory.expand_hostname_range) would read its configuration too early.
    """
    before, bracket, after = host.partition("[")
    if not bracket:
        return [host]
    text, _, rest = after.partition("]")
    return [f"{before}{name}{tail}" for name in _names(f"[{text}]") for tail in expand(rest)]


def _names(text: str) -> list[str]:
    if numbers := _NUMBERS.fullmatch(text):
        first, last, step = numbers[1] or "0", numbers[2], int(numbers[3] or 1)
        width = len(first) if first.startswith("0") and len(first) > 1 else 0
        return [str(number).zfill(width) for number in range(int(first), int(last) + 1, step)]
    letters = _LETTERS.fullmatch(text)
    assert letters is not None
    every = string.ascii_letters
    return [*every[every.index(letters[1]) : every.index(letters[2]) + 1 : int(letters[3] or 1)]]
