"""The inventory of the test cluster, generated from the addresses of the nodes."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from lab import gpus
from lab.config import LabConfig, Node
from lab.engine_archive import ENGINE_IMAGE, ENGINE_VERSION

HEADER = """\
---
# The test cluster of `make up`: containers for servers, reached over SSH with a separate key.
# `python -m lab up` writes inventories for other node counts to .lab/inventories/lab<count>/.
"""


ON_HEAD = ("webui", "monitoring")
"""Groups of the head node in addition to its own."""


def hosts_yaml(
    nodes: list[Node], state: str, settings: Mapping[str, Any] | None = None, on_head: Iterable[str] = ON_HEAD
) -> str:
    """Return the content of hosts.yml; `state` is the path of `.lab`, which may contain templates.

    `settings` are further variables of all hosts; `on_head` are further groups of the head node.
    """

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
                **(settings or {}),
            },
            "children": {
                "ray_head": group(nodes[:1]),
                "ray_worker": group(nodes[1:]),
                **{name: {"hosts": {nodes[0].name: {}}} for name in on_head},
            },
        }
    }
    return HEADER + yaml.safe_dump(inventory, sort_keys=False, width=110)


def gpu_settings(node_count: int, gpus_per_node: int, local_image: bool) -> dict[str, Any]:
    """Return the settings of a cluster with GPUs; `local_image`: the engine image is built on this machine."""
    settings: dict[str, Any] = {"tensor_parallel_size": node_count * gpus_per_node}
    if local_image:
        settings |= {"engine_version": ENGINE_VERSION, "engine_image": ENGINE_IMAGE}
    return settings


def write(config: LabConfig) -> str:
    """Write the inventory if none is committed for these nodes; return its path relative to the checkout."""
    shown = str(config.inventory.relative_to(config.checkout))
    if config.state not in config.inventory.parents:
        return shown
    config.inventory.mkdir(parents=True, exist_ok=True)
    on_head: Iterable[str] = ON_HEAD
    settings, variables = None, "inventories/lab/group_vars"
    if config.accelerator:
        per_node = len(gpus.divide(gpus.read(), config.node_count)[0])
        settings = gpu_settings(config.node_count, per_node, local_image=config.bundle is not None)
        # A bundle carries the engine of the machine only.
        on_head, variables = () if config.bundle else ON_HEAD, f"lab/{config.accelerator}/group_vars"
    text = hosts_yaml(config.nodes, "{{ inventory_dir }}/../..", settings, on_head)
    (config.inventory / "hosts.yml").write_text(text)
    link = config.inventory / "group_vars"
    if not link.is_symlink():
        link.symlink_to(Path("../../..") / variables)
    return shown
