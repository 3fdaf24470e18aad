#!/usr/bin/python
"""Listens for a while at ports where nobody does yet, so that other nodes can try them; stdlib only, Python 3.8."""

from __future__ import annotations

import errno
import os
import select
import socket

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.messages import N_, Message, failure

DOCUMENTATION = r"""
---
module: fabric_listen
short_description: Short-lived listener at ports that other nodes are to try
description:
  - Starts a process that listens at the ports and ends by itself. Ports at which somebody listens already are left
    alone, and tried from this node.
options:
  state:
    description: Whether to start the listener, or to end it before its time.
    type: str
    choices: [started, stopped]
    default: started
  address:
    description: IPv4 address of this node on the cluster network.
    type: str
    required: true
  ports:
    description: TCP ports.
    type: list
    elements: int
    default: []
  seconds:
    description: After how long the listener ends.
    type: int
    default: 60
author: [inferfleet]
"""

EXAMPLES = r"""
- name: Let others try this node's ports
  fabric_listen:
    address: 10.0.0.1
    ports: [6379, 6380]

- name: End it
  fabric_listen:
    address: 10.0.0.1
    state: stopped
"""

RETURN = r"""
listening:
  description: Ports at which somebody listens now, the listener or who was there before.
  returned: success
  type: list
  elements: int
served:
  description: Those of them that were taken before, by a service that accepts connections.
  returned: success
  type: list
  elements: int
busy:
  description: Ports that cannot be tried, since a connection of the node's own holds them at this moment.
  returned: success
  type: list
  elements: int
"""

# An abstract socket: there is one listener an address at most, it leaves no file, and it ends when somebody connects.
CONTROL = "\0inferfleet-fabric-listen-{}"
_BACKLOG = 4096  # the kernel completes that many connections by itself; nobody has to accept them


def occupied(address, port):
    """Tell whether somebody accepts connections at a port of this node."""
    try:
        with socket.create_connection((address, port), timeout=2):
            return True
    except OSError:
        return False


def open_port(address, port):
    """Return a socket that listens at a port, None where somebody holds it."""
    server = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        server.bind((address, port))
        server.listen(_BACKLOG)
    except OSError as error:
        server.close()
        if error.errno != errno.EADDRINUSE:
            raise
        return None
    return server


def stop(address):
    """End a listener that runs, and tell whether there was one."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as control:
        control.settimeout(5)
        try:
            control.connect(CONTROL.format(address))
            control.recv(1)  # nothing comes; the end of the process ends the connection
        except OSError:
            return False
    return True


def serve(control, servers, seconds):
    """Keep the sockets open in a process of its own, for so long or until it is told to end; returns to the caller."""
    if os.fork():
        os.wait()
        return
    os.setsid()
    if os.fork():
        os._exit(0)
    null = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):  # Ansible waits for whoever holds its pipes
        os.dup2(null, stream)
    select.select([control], [], [], seconds)
    for server in servers:  # before the end of `control` tells that they are free: an ending process has no such order
        server.close()
    os._exit(0)


def main():
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "state": {"type": "str", "choices": ["started", "stopped"], "default": "started"},
            "address": {"type": "str", "required": True},
            "ports": {"type": "list", "elements": "int", "default": []},
            "seconds": {"type": "int", "default": 60},
        },
        supports_check_mode=True,
    )
    if module.check_mode:
        module.exit_json(changed=False, listening=[], served=[], busy=[])
    address = module.params["address"]
    stop(address)
    if module.params["state"] == "stopped":
        module.exit_json(changed=False, listening=[], served=[], busy=[])
    try:
        held = {port: open_port(address, port) for port in module.params["ports"]}
    except OSError as error:
        failed = N_("This node cannot listen at {address}: {reason}. Set cluster_address to an address it has.")
        module.fail_json(**failure(Message("cannot-listen", failed, address=address, reason=error.strerror)))
    taken = [port for port, server in held.items() if server is None]
    served = [port for port in taken if occupied(address, port)]
    control = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    control.bind(CONTROL.format(address))
    control.listen(1)
    serve(control, [server for server in held.values() if server], module.params["seconds"])
    module.exit_json(
        changed=False,
        listening=sorted({port for port, server in held.items() if server} | set(served)),
        served=served,
        busy=sorted(set(taken) - set(served)),
    )


if __name__ == "__main__":
    main()
