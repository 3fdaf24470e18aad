#!/usr/bin/python
"""Whether another host has an IPv4 address."""

from __future__ import annotations

import socket

from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = r"""
---
module: address_answers
short_description: Find out whether a host has an IPv4 address
description:
  - Opens a connection to a port that is rarely used, and reads whether a host accepted or refused it, or answered the
    ARP request before it, which no firewall drops.
options:
  address:
    description: The IPv4 address.
    type: str
    required: true
  timeout:
    description: Seconds to wait for an answer.
    type: int
    default: 4
author: [inferfleet]
"""

EXAMPLES = r"""
- name: Check whether another host has the address
  address_answers:
    address: 10.0.0.100
  register: found
"""

RETURN = r"""
answers:
  description: Whether a host has the address.
  returned: always
  type: bool
"""

DISCARD = 9  # RFC 863
ARP = "/proc/net/arp"
COMPLETE = 2  # ATF_COM, linux/if_arp.h


def answers(address: str, timeout: float) -> bool:
    """Return whether a host answers at an address."""
    try:
        with socket.create_connection((address, DISCARD), timeout):
            return True
    except ConnectionRefusedError:
        return True
    except OSError:
        return in_table(address)


def in_table(address: str) -> bool:
    """Return whether the kernel knows the hardware address of an address."""
    try:
        with open(ARP) as lines:
            rows = [line.split() for line in lines][1:]
    except OSError:
        return False
    return any(row[0] == address and int(row[2], 16) & COMPLETE for row in rows)


def main() -> None:
    """Entry point of the module."""
    module = AnsibleModule(
        argument_spec={"address": {"type": "str", "required": True}, "timeout": {"type": "int", "default": 4}},
        supports_check_mode=True,
    )
    found = answers(module.params["address"], module.params["timeout"])
    module.exit_json(changed=False, answers=found)


if __name__ == "__main__":
    main()
