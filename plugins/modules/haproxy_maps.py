#!/usr/bin/python
"""Map files of HAProxy, and the maps of its running processes; stdlib only, since it runs on the node."""

from __future__ import annotations

import os

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.filesystem import read_below, write_atomic
from ansible.module_utils.haproxy import RefusedError, running_workers, workers

DOCUMENTATION = r"""
---
module: haproxy_maps
short_description: Write map files of HAProxy and replace the maps of its running processes
description:
  - Writes the files that differ, then replaces the maps that differ in every worker process through the master's
    socket, without a reload. Files apply when HAProxy starts, if it does not run.
  - Also returns the content of one file, which is enough to compute the others.
options:
  folder:
    description: Folder of the map files.
    type: path
    required: true
  socket:
    description: Socket of HAProxy's master process.
    type: path
    required: true
  maps:
    description: Content of the map files by name, in the order in which they are replaced.
    type: dict
    default: {}
  read:
    description: File in C(folder) to return.
    type: str
    default: ""
author: [inferfleet]
"""

EXAMPLES = r"""
- name: Replace the keys of the clients
  haproxy_maps:
    folder: /etc/inferfleet/gateway
    socket: /run/inferfleet-gateway/master.sock
    maps: {keys.map: "{{ keys }}"}
"""

RETURN = r"""
content:
  description: Content of the file C(read); empty if it does not exist.
  returned: always
  type: str
written:
  description: Names of the files that differed.
  returned: always
  type: list
  elements: str
replaced:
  description: Names of the maps that differed in a running process.
  returned: always
  type: list
  elements: str
running:
  description: Whether HAProxy runs.
  returned: always
  type: bool
refused:
  description: HAProxy's answer if it refused to replace a map; otherwise empty.
  returned: always
  type: str
"""


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "folder": {"type": "path", "required": True},
            "socket": {"type": "path", "required": True},
            # Hashes of keys and names of clients belong in no log.
            "maps": {"type": "dict", "default": {}, "no_log": True},
            "read": {"type": "str", "default": ""},
        },
        supports_check_mode=True,
    )
    folder, master, maps = (module.params[name] for name in ("folder", "socket", "maps"))
    written = [name for name, content in maps.items() if read_below(folder, name) != content]
    if not module.check_mode:
        for name in written:
            write_atomic(os.path.join(folder, name), maps[name], 0o600)
    running, replaced, refused = False, set(), ""
    for worker in running_workers(master):
        running = True
        try:
            for name, content in maps.items():
                file = os.path.join(folder, name)
                if not module.check_mode and worker.replace_map(file, content):
                    replaced.add(name)
        except RefusedError as error:
            # A previous worker may have ended meanwhile.
            refused = refused or (str(error) if worker.pid in workers(master) else "")
    module.exit_json(
        changed=bool(written or replaced),
        content=read_below(folder, module.params["read"]) if module.params["read"] else "",
        written=sorted(written),
        replaced=sorted(replaced),
        running=running,
        refused=refused,
    )


if __name__ == "__main__":
    main()
