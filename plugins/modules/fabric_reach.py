#!/usr/bin/python
"""Proves that a node reaches the others from its own address on the cluster network."""

from __future__ import annotations

import socket
import time

from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = r"""
---
module: fabric_reach
short_description: Connections from one address to every peer
description:
  - Opens a TCP connection from C(source) to each peer. A peer that refuses has been reached just as well.
options:
  source:
    description: IPv4 address of this node on the cluster network.
    type: str
    required: true
  peers:
    description: IPv4 addresses of the other nodes.
    type: list
    elements: str
    required: true
  port:
    description: Port to try; the SSH server's is sure to be open in a firewall.
    type: int
    default: 22
  timeout:
    description: Seconds to wait for each peer.
    type: int
    default: 5
author: [inferfleet]
"""

EXAMPLES = r"""
- name: Reach the other node
  fabric_reach:
    source: 10.0.0.1
    peers: [10.0.0.2]
"""

RETURN = r"""
milliseconds:
  description: Time of each connection, by peer.
  returned: success
  type: dict
"""


def connect(source: str, peer: str, port: int, timeout: int) -> float:
    """Return the milliseconds that a connection took; raises OSError where the peer was not reached."""
    start = time.monotonic()
    try:
        with socket.create_connection((peer, port), timeout=timeout, source_address=(source, 0)):
            pass
    except ConnectionRefusedError:
        pass
    return round((time.monotonic() - start) * 1000, 2)


def main() -> None:
    """Entry point of the module."""
    module = AnsibleModule(
        argument_spec={
            "source": {"type": "str", "required": True},
            "peers": {"type": "list", "elements": "str", "required": True},
            "port": {"type": "int", "default": 22},
            "timeout": {"type": "int", "default": 5},
        },
        supports_check_mode=True,
    )
    params = module.params
    times, failures = {}, {}
    for peer in params["peers"]:
        try:
            times[peer] = connect(params["source"], peer, params["port"], params["timeout"])
        except OSError as error:
            failures[peer] = error.strerror or str(error)
    if failures:
        reasons = ", ".join(f"{peer} ({reason})" for peer, reason in failures.items())
        module.fail_json(
            msg=f"From {params['source']} this node does not reach {reasons} on the cluster network."
            " Check cluster_network, cluster_address and the firewall between the nodes."
        )
    module.exit_json(changed=False, milliseconds=times)


if __name__ == "__main__":
    main()
