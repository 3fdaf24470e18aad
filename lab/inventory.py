"""The inventory of the test cluster, generated from the addresses of the nodes."""

from pathlib import Path
from typing import Any

import yaml

from lab.config import LabConfig, Node

HEADER = """\
---
# The test cluster of `make up`: containers for servers, reached over SSH with a separate key.
# `python -m lab up` writes inventories for other node counts to .lab/inventories/lab<count>/.
"""


def hosts_yaml(nodes: list[Node], state: str) -> str:
    """Return the content of hosts.yml; `state` is the path of `.lab`, which may contain templates."""

    def group(members: list[Node]) -> dict[str, Any]:
        return {"hosts": {node.name: {"ansible_host": str(node.address)} for node in members}}

    inventory = {
        "all": {
            "vars": {
                "x_lab_state": state,
                "ansible_user": "root",
                "ansible_python_interpreter": "/usr/bin/python3",
                "ansible_ssh_private_key_file": "{{ x_lab_state }}/ssh/id_ed25519",
                "ansible_ssh_common_args": "-o 'UserKnownHostsFile=\"{{ x_lab_state }}/ssh/known_hosts\"'",
            },
            "children": {
                "ray_head": group(nodes[:1]),
                "ray_worker": group(nodes[1:]),
                "webui": {"hosts": {nodes[0].name: {}}},
            },
        }
    }
    return HEADER + yaml.safe_dump(inventory, sort_keys=False, width=110)


def write(config: LabConfig) -> str:
    """Write the inventory if none is committed for these nodes; return its path relative to the checkout."""
    shown = str(config.inventory.relative_to(config.checkout))
    if config.state not in config.inventory.parents:
        return shown
    config.inventory.mkdir(parents=True, exist_ok=True)
    (config.inventory / "hosts.yml").write_text(hosts_yaml(config.nodes, "{{ inventory_dir }}/../.."))
    link = config.inventory / "group_vars"
    if not link.is_symlink():
        link.symlink_to(Path("../../../inventories/lab/group_vars"))
    return shown
