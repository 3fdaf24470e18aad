#!/usr/bin/python
"""Listens temporarily on unused ports, so that other nodes can test connections; stdlib only, Python 3.8."""

from __future__ import annotations

import errno
import os
import select
import socket

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.messages import N_, Message, failure, os_reason

DOCUMENTATION = r"""
---
module: fabric_listen
short_description: Temporary listener on ports that other nodes test
description:
  - Starts a process that listens on the ports and ends by itself. Ports with an existing listener are not touched, but
    tested from this node.
options:
  state:
    description: Whether to start the listener, or to stop it early.
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
    description: Lifetime of the listener in seconds.
    type: int
    default: 60
author: [inferfleet]
"""

EXAMPLES = r"""
- name: Listen on the ports that other nodes test
  fabric_listen:
    address: 10.0.0.1
    ports: [6379, 6380]

- name: Stop the listener
  fabric_listen:
    address: 10.0.0.1
    state: stopped
"""

RETURN = r"""
listening:
  description: Ports with a listener, this module's or an existing one.
  returned: success
  type: list
  elements: int
served:
  description: Those of them with an existing service that accepts connections.
  returned: success
  type: list
  elements: int
busy:
  description: Ports that cannot be tested, because a connection of this node uses them at the moment.
  returned: success
  type: list
  elements: int
"""

# An abstract socket: one listener per address at most, no file remains, and the listener ends on a connection.
CONTROL = "\0inferfleet-fabric-listen-{}"
_BACKLOG = 4096  # the kernel completes that many connections without accept()


def occupied(address, port):
    """Return whether a port of this node accepts connections."""
    try:
        with socket.create_connection((address, port), timeout=2):
            return True
    except OSError:
        return False


def open_port(address, port):
    """Return a socket that listens on a port; None if the port is in use."""
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
    """Stop a running listener; return whether there was one."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as control:
        control.settimeout(5)
        try:
            control.connect(CONTROL.format(address))
            control.recv(1)  # no data arrives; the connection closes when the process ends
        except OSError:
            return False
    return True


def serve(control, servers, seconds):
    """Keep the sockets open in a background process for `seconds`, or until it is stopped; return at once."""
    if os.fork():
        os.wait()
        return
    os.setsid()
    if os.fork():
        os._exit(0)
    null = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):  # Ansible waits until all processes have closed its pipes
        os.dup2(null, stream)
    select.select([control], [], [], seconds)
    for server in servers:  # before `control`, whose closing signals that they are free
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
        failed = N_("This node cannot listen on {address}: {reason}. Set cluster_address to an address of this node.")
        module.fail_json(**failure(Message("cannot-listen", failed, address=address, reason=os_reason(error))))
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
