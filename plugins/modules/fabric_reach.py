#!/usr/bin/python
"""Checks that a node reaches the other nodes from its cluster address; stdlib only, Python 3.8."""

from __future__ import annotations

import socket
import time
from concurrent.futures import ThreadPoolExecutor

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.messages import N_, Message, failure, literal

DOCUMENTATION = r"""
---
module: fabric_reach
short_description: Connections from one address to every peer
description:
  - Opens TCP connections from O(source) to the peers in parallel.
options:
  source:
    description: IPv4 address of this node on the cluster network.
    type: str
    required: true
  peers:
    description: IPv4 addresses of nodes to test on O(port). A refused connection counts as reached.
    type: list
    elements: str
    default: []
  port:
    description: Port of O(peers) to test; that of the SSH server is open in every firewall.
    type: int
    default: 22
  listening:
    description:
      - Listening ports, a list per IPv4 address. A refused connection counts as not reached, since a firewall may have
        refused it.
    type: dict
    default: {}
  timeout:
    description: Timeout in seconds of each connection.
    type: int
    default: 5
author: [inferfleet]
"""

EXAMPLES = r"""
- name: Connect to the other node
  fabric_reach:
    source: 10.0.0.1
    peers: [10.0.0.2]

- name: Connect to the listening ports of the other node
  fabric_reach:
    source: 10.0.0.1
    listening: {10.0.0.2: [6380, 6381]}
"""

RETURN = r"""
milliseconds:
  description: Time of the slowest connection to each node, by its address.
  returned: success
  type: dict
connections:
  description: Number of connections.
  returned: success
  type: int
"""

_AT_ONCE = 64


def connect(source: str, peer: str, port: int, timeout: int) -> float:
    """Return the duration of a connection in milliseconds; raises OSError if it was not accepted."""
    start = time.monotonic()
    with socket.create_connection((peer, port), timeout=timeout, source_address=(source, 0)):
        return round((time.monotonic() - start) * 1000, 2)


def attempt(source: str, peer: str, port: int, timeout: int, refusal_counts: bool):
    """Return the duration in milliseconds, or the reason why the peer was not reached."""
    start = time.monotonic()
    try:
        return connect(source, peer, port, timeout), ""
    except ConnectionRefusedError as error:
        if refusal_counts:
            return round((time.monotonic() - start) * 1000, 2), ""
        return 0.0, error.strerror or str(error)
    except OSError as error:
        return 0.0, error.strerror or str(error)


def reasons(failures):
    """Return the failures as messages, with a node's ports of the same reason combined."""
    alike: dict[tuple[str, str], list[int]] = {}
    for (peer, port), reason in failures.items():
        alike.setdefault((peer, reason), []).append(port)
    one, several = N_("{peer} at port {ports} ({reason})"), N_("{peer} at ports {ports} ({reason})")
    return [
        Message("", one if len(ports) == 1 else several, peer=peer, ports=ports, reason=literal(reason))
        for (peer, reason), ports in alike.items()
    ]


def main() -> None:
    """Entry point of the module."""
    module = AnsibleModule(
        argument_spec={
            "source": {"type": "str", "required": True},
            "peers": {"type": "list", "elements": "str", "default": []},
            "port": {"type": "int", "default": 22},
            "listening": {"type": "dict", "default": {}},
            "timeout": {"type": "int", "default": 5},
        },
        supports_check_mode=True,
    )
    params = module.params
    tries = [(peer, params["port"], True) for peer in params["peers"]]
    tries += [(peer, int(port), False) for peer, ports in params["listening"].items() for port in ports]
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        waiting = {
            one: pool.submit(attempt, params["source"], one[0], one[1], params["timeout"], one[2]) for one in tries
        }
        done = {one: future.result() for one, future in waiting.items()}
    failures = {(peer, port): reason for (peer, port, _), (_, reason) in done.items() if reason}
    if failures:
        template = N_(
            "This node cannot reach {peers} from {source} on the cluster network."
            " Check cluster_network, cluster_address and the firewall between the nodes."
        )
        module.fail_json(**failure(Message("not-reached", template, source=params["source"], peers=reasons(failures))))
    times: dict[str, float] = {}
    for (peer, _, _), (taken, _) in done.items():
        times[peer] = max(taken, times.get(peer, 0.0))
    module.exit_json(changed=False, milliseconds=times, connections=len(done))


if __name__ == "__main__":
    main()
