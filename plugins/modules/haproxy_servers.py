#!/usr/bin/python
"""Servers of a running HAProxy: their state, their requests, and draining; stdlib only, since it runs on the node."""

from __future__ import annotations

import csv

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.filesystem import read_below, write_atomic
from ansible.module_utils.haproxy import RefusedError, Worker, running_workers

DOCUMENTATION = r"""
---
module: haproxy_servers
short_description: Drain a server of HAProxy, and return the servers with their requests
description:
  - Sets the administrative state of a server in every worker process, and records the drained servers in the file that
    HAProxy loads when it starts or is reloaded (C(server-state-file)). The file has only these, so that it contains
    nothing that becomes outdated, such as results of health checks.
options:
  socket:
    description: Socket of HAProxy's master process.
    type: path
    required: true
  record:
    description: File with the drained servers.
    type: path
    required: true
  server:
    description: The server C(backend/server); without it, nothing is changed.
    type: str
    default: ""
  state:
    description: C(drain) lets running requests finish and sends no new ones, C(ready) uses the server again.
    type: str
    choices: [drain, ready]
    default: drain
  read:
    description: File to return.
    type: path
  next_ready:
    description:
      - Servers that the process of the next reload uses, named without their backend; only the record is changed. With
        C(next_drained), a reload changes all of them at once.
    type: list
    elements: str
    default: []
  next_drained:
    description: Servers that are drained in the process of the next reload.
    type: list
    elements: str
    default: []
author: [inferfleet]
"""

EXAMPLES = r"""
- name: Drain a server
  haproxy_servers:
    socket: /run/inferfleet-gateway/master.sock
    record: /etc/inferfleet/gateway/servers.state
    server: model_deepseek-r1/node1_8000
"""

RETURN = r"""
servers:
  description: >-
    Each server with C(server), C(drained), C(healthy) and C(requests), those in all processes; empty if HAProxy does
    not run.
  returned: always
  type: list
  elements: dict
content:
  description: Content of the file C(read); empty if it does not exist.
  returned: always
  type: str
refused:
  description: HAProxy's answer if it refused the state; otherwise empty.
  returned: always
  type: str
"""

# Bit SRV_ADMF_FDRAIN of srv_admin_state: docs.haproxy.org, management guide, "show servers state".
_DRAINED = 0x08
_VERSION = "1"


def state_rows(worker: Worker) -> tuple[str, dict[str, list[str]]]:
    """Return the header and the row of each server in "show servers state"."""
    version, header, *lines = worker.send("show servers state").splitlines()
    if version != _VERSION:
        raise RefusedError(f"version {version} of servers' states")
    rows = (line.split() for line in lines if line)
    return header, {f"{row[1]}/{row[3]}": row for row in rows}


def running_requests(worker: Worker) -> dict[str, int]:
    """Return the requests that each server has or that wait for it."""
    rows = csv.DictReader(worker.send("show stat").lstrip("# ").splitlines())
    return {f"{row['pxname']}/{row['svname']}": int(row["scur"]) + int(row["qcur"]) for row in rows if row["qcur"]}


def recorded(header: str, rows: dict[str, list[str]]) -> str:
    """Return the content of the file of drained servers."""
    drained = [" ".join(row) for row in rows.values() if is_drained(row)]
    return "\n".join([_VERSION, header, *drained]) + "\n"


def next_rows(rows: dict[str, list[str]], ready: list[str], drained: list[str]) -> dict[str, list[str]]:
    """Return the rows with which the next process starts; servers are named without their backend."""
    changed = {}
    for name, row in rows.items():
        state, server = int(row[6]), name.rpartition("/")[2]
        state = state & ~_DRAINED if server in ready else state | _DRAINED if server in drained else state
        changed[name] = [*row[:6], str(state), *row[7:]]
    return changed


def is_drained(row: list[str]) -> bool:
    """Return whether a server was drained by a command."""
    return bool(int(row[6]) & _DRAINED)


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "socket": {"type": "path", "required": True},
            "record": {"type": "path", "required": True},
            "server": {"type": "str", "default": ""},
            "state": {"type": "str", "choices": ["drain", "ready"], "default": "drain"},
            "read": {"type": "path"},
            "next_ready": {"type": "list", "elements": "str", "default": []},
            "next_drained": {"type": "list", "elements": "str", "default": []},
        },
        supports_check_mode=True,
    )
    server, state, record = (module.params[name] for name in ("server", "state", "record"))
    content = read_below("/", module.params["read"]) if module.params["read"] else ""
    workers = [*running_workers(module.params["socket"])]
    if not workers:
        module.exit_json(changed=False, servers=[], content=content, refused="")
    changed, refused = False, ""
    header, rows = state_rows(workers[0])
    if module.params["next_ready"] or module.params["next_drained"]:
        text = recorded(header, next_rows(rows, module.params["next_ready"], module.params["next_drained"]))
        changed = read_below("/", record) != text
        if changed and not module.check_mode:
            write_atomic(record, text, 0o600)
    if server:
        changed = server in rows and is_drained(rows[server]) != (state == "drain")
        if not module.check_mode:
            for worker in workers:
                answer = worker.send(f"set server {server} state {state}")
                refused = refused or (answer if worker is workers[0] else "")  # a previous one may lack the server
            header, rows = state_rows(workers[0])
            if read_below("/", record) != recorded(header, rows):
                write_atomic(record, recorded(header, rows), 0o600)
    requests = [running_requests(worker) for worker in workers]
    servers = [
        {
            "server": name,
            "drained": is_drained(row),
            "healthy": row[5] != "0",
            "requests": sum(counts.get(name, 0) for counts in requests),
        }
        for name, row in rows.items()
    ]
    module.exit_json(changed=changed, servers=servers, content=content, refused=refused)


if __name__ == "__main__":
    main()
