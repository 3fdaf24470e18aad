#!/usr/bin/python
"""Compares the node firewall with what it should be; stdlib only, since it runs on the node."""

from __future__ import annotations

import os
import stat

from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = r"""
---
module: node_firewall_state
short_description: Whether the node firewall runs with the given rules
description:
  - Compares files, unit and the loaded rules in one call. Changes nothing.
options:
  files:
    description: Path of each file to a map of its C(content) and C(mode).
    type: dict
    required: true
  unit:
    description: Name of the systemd unit, which must be enabled, active and read by systemd as it is.
    type: str
    required: true
  table:
    description: Name of the nftables table of family inet.
    type: str
    required: true
  rules:
    description: Path of the file of O(files) with the rules of the table, which must be loaded.
    type: path
    required: true
author: [inferfleet]
"""

EXAMPLES = r"""
- name: Check whether the node firewall runs with these rules
  node_firewall_state:
    files: {/etc/inferfleet/firewall.nft: {content: "table inet inferfleet {}\n", mode: "0600"}}
    unit: inferfleet-firewall.service
    table: inferfleet
    rules: /etc/inferfleet/firewall.nft
"""

RETURN = r"""
current:
  description: Whether nothing needs to change.
  returned: always
  type: bool
loaded:
  description: Whether the kernel has exactly these rules.
  returned: always
  type: bool
"""

NFT = "/usr/sbin/nft"


def is_current(path: str, content: str, mode: str) -> bool:
    """Return whether a file belongs to root and has this content and mode."""
    try:
        status = os.lstat(path)
        with open(path, encoding="utf-8") as file:
            held = file.read()
    except (OSError, UnicodeDecodeError):
        return False
    wanted = (int(mode, 8), 0, 0)
    return (stat.S_IMODE(status.st_mode), status.st_uid, status.st_gid) == wanted and held == content


def is_loaded(module: AnsibleModule, table: str, rules: str) -> bool:
    """Return whether the table has the rules; where no namespace can be created, whether it exists.

    nft prints rules otherwise than they are written: they are loaded into a network namespace of their own to compare.
    """
    listed = [NFT, "--stateless", "list", "table", "inet", table]
    missing, now, _ = module.run_command(listed)
    load = f'{NFT} --file - && exec "$@"'
    unknown, expected, _ = module.run_command(["unshare", "--net", "sh", "-c", load, "sh", *listed], data=rules)
    return not missing and (bool(unknown) or now == expected)


def main() -> None:
    """Entry point of the module."""
    module = AnsibleModule(
        argument_spec={
            "files": {"type": "dict", "required": True},
            "unit": {"type": "str", "required": True},
            "table": {"type": "str", "required": True},
            "rules": {"type": "path", "required": True},
        },
        supports_check_mode=True,
    )
    given = module.params
    current = all(is_current(path, file["content"], file["mode"]) for path, file in given["files"].items())
    if current:
        properties = "--property=ActiveState,UnitFileState,NeedDaemonReload"
        rc, out, _ = module.run_command(["systemctl", "show", properties, given["unit"]])
        expected = {"ActiveState=active", "UnitFileState=enabled", "NeedDaemonReload=no"}
        current = rc == 0 and set(out.split()) == expected
    rules = given["files"][given["rules"]]["content"]
    loaded = os.path.exists(NFT) and is_loaded(module, given["table"], rules)
    module.exit_json(changed=False, current=current and loaded, loaded=loaded)


if __name__ == "__main__":
    main()
