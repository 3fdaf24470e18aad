"""The role in Ansible on this machine, in check mode, so that nothing changes here: what it would write to a node."""

import json
import re
from pathlib import Path
from typing import Any

from tests.check_run import check_run
from tests.unit.gateway.plans import plan

from inferfleet.components import load_component
from inferfleet.firewall import TABLE

ROOT = Path(__file__).parents[2]
COMPONENT = load_component("firewall")


def run(folder: Path, **variables: Any) -> str:
    """Return the output of a check run with differences; fail if the run does."""
    node = {"distribution": {"id": "debian", "id_like": "", "version_id": "12"}, "runnable": {"apt": False}}
    nodes = {"n1": {"address": "192.0.2.1", "role": "head"}}
    facts = {"inferfleet_plans": [plan("deepseek-r1", "n1", nodes=nodes, executor="mp")]}
    facts["inferfleet_gateway"] = {"hosts": {}}  # type: ignore[assignment]
    facts["inferfleet_node"] = {**node, "listening": {}, "interfaces": [], "docker": False}  # type: ignore[assignment]
    (folder / "facts.json").write_text(json.dumps(facts))
    read = "{{ (lookup('ansible.builtin.file', '%s') | from_json).%s }}"
    given = {name: read % (folder / "facts.json", name) for name in facts} | {"cacheable": True}
    tasks = [
        {"name": "Plan", "ansible.builtin.set_fact": given},
        {"name": "Firewall", "ansible.builtin.import_role": {"name": "node_firewall"}},
    ]
    hosts = {"children": {"ray_head": {"hosts": {"n1": {}}}}}
    code, output = check_run(folder, hosts, variables, tasks)
    assert code == 0, output
    return output


def test_check_run_shows_rules_and_units(tmp_path: Path) -> None:
    shown = run(tmp_path, firewall_allowed_networks=["198.51.100.0/24"], node_firewall_open_ports=[50000])
    added = "\n".join(line[1:] for line in shown.splitlines() if line.startswith("+"))
    assert "elements = { 192.0.2.1, 198.51.100.0/24 }" in added
    assert "32768-49999, 50001-60999" in added
    rules = COMPONENT.files["rules"]
    assert re.findall(r"^ExecStart(?:Post)?=-?(.*)$", added, re.M) == [f"/usr/sbin/nft --file {rules}"] * 2
    assert re.findall(r"^ExecStop=-(.*)$", added, re.M) == [f"/usr/sbin/nft delete table inet {TABLE}"]
