"""A valid inventory with the changes of a case, and the problems it expects.

Cases are in cases/*.yml: each has a `name`, changes of the valid inventory (node1 is head and runs the web UI, node2 is
a worker), and the `refusals` that they must cause, in their order: code and parameters.

    groups      members of these groups instead
    hosts       variables of single hosts
    group_vars  variables of groups in hosts.yml
    vars        variables in 10_cluster.yml
    files       text of further files, or of these instead, by path
    extra       variables given with -e
    command     also run as this real command line, by tests/playbooks/test_invalid_inventories.py
"""

from pathlib import Path
from typing import Any

import yaml
from tests.unit.inventory.parameters import listed

from inferfleet.messages import Problem

ROOT = Path(__file__).parents[2]
GROUPS = {"ray_head": ["node1"], "ray_worker": ["node2"], "webui": ["node1"]}
Case = dict[str, Any]
CASES: list[Case] = [
    case
    for file in sorted(Path(__file__).parent.glob("cases/*.yml"))
    for case in yaml.load(file.read_text(), yaml.CSafeLoader)
]


def write_inventory(case: Case, folder: Path, port: int) -> Path:
    """Write the case's inventory; its hosts would be reached on this machine at `port`."""
    variables = {
        name: {"ansible_host": f"127.0.0.{number}", "ansible_port": port, **case.get("hosts", {}).get(name, {})}
        for number, name in enumerate(("node1", "node2"), start=1)
    }
    groups = GROUPS | case.get("groups", {})
    children = {group: {"hosts": {host: variables.get(host, {}) for host in hosts}} for group, hosts in groups.items()}
    for group, values in case.get("group_vars", {}).items():
        children[group]["vars"] = values
    everywhere = folder / "group_vars" / "all"
    everywhere.mkdir(parents=True)
    (folder / "hosts.yml").write_text(yaml.safe_dump({"all": {"children": children}}))
    (everywhere / "10_cluster.yml").write_text(yaml.safe_dump(case.get("vars", {}) | {"ansible_user": "root"}))
    for name, text in case.get("files", {}).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def by_name(case: Case) -> str:
    """Return the pytest id of a case."""
    return str(case["name"])


def sentences(problems: list[dict[str, Any]]) -> list[str]:
    """Return the text of each problem."""
    return [f"{problem['message']} {problem['remedy']}" for problem in problems]


def refusals(problems: list[dict[str, Any]], case: Case) -> list[dict[str, Any]]:
    """Return the code of each problem, with the parameters that the case names."""
    shown = [{"code": code, **parameters} for code, parameters in listed(map(Problem.from_dict, problems))]
    named = [*case["refusals"], *({} for _ in shown)]
    return [
        {key: problem.get(key) for key in (wanted or problem)} for problem, wanted in zip(shown, named, strict=False)
    ]
