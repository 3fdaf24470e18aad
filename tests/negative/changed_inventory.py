"""A good inventory, changed as a case of cases.yml says."""

from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
GROUPS = {"ray_head": ["node1"], "ray_worker": ["node2"], "webui": ["node1"]}
Case = dict[str, Any]


def write_inventory(case: Case, folder: Path, port: int) -> Path:
    """Write the case's inventory; its hosts would be reached on this machine at `port`."""
    variables = {
        name: {"ansible_host": f"127.0.0.{number}", "ansible_port": port, **case.get("hosts", {}).get(name, {})}
        for number, name in enumerate(("node1", "node2"), start=1)
    }
    groups = GROUPS | case.get("groups", {})
    children = {group: {"hosts": {host: variables[host] for host in hosts}} for group, hosts in groups.items()}
    for group, values in case.get("group_vars", {}).items():
        children[group]["vars"] = values
    everywhere = folder / "group_vars" / "all"
    everywhere.mkdir(parents=True)
    (folder / "hosts.yml").write_text(yaml.safe_dump({"all": {"children": children}}))
    (everywhere / "10_cluster.yml").write_text(yaml.safe_dump(case.get("vars", {}) | {"ansible_user": "root"}))
    defaults, without = ROOT / "group_vars" / "all", case.get("without", [])
    if not without:
        (everywhere / "00_defaults").symlink_to(defaults)
    elif without != "all":
        lines = (defaults / "main.yml").read_text().splitlines()
        kept = [line for line in lines if line.split(":")[0] not in without]
        (everywhere / "00_defaults.yml").write_text("\n".join(kept))
    return folder
