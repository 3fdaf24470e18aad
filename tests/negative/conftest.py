"""Check inventories loaded by Ansible."""

import importlib.util
import socket
from collections.abc import Callable
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from ansible.inventory.manager import InventoryManager
from ansible.parsing.dataloader import DataLoader
from ansible.parsing.splitter import parse_kv
from ansible.playbook.play_context import PlayContext
from ansible.playbook.task import Task
from ansible.plugins.loader import connection_loader, init_plugin_loader
from ansible.vars.hostvars import HostVars
from ansible.vars.manager import VariableManager
from changed_inventory import ROOT, Case, write_inventory


@pytest.fixture
def inventory(tmp_path: Path, listener: socket.socket) -> Callable[[Case], Path]:
    """Write a case's inventory."""
    return lambda case: write_inventory(case, tmp_path / "inventory", listener.getsockname()[1])


@pytest.fixture(scope="session")
def action() -> Callable[..., dict[str, Any]]:
    """Run an action plugin on an inventory loaded by Ansible."""
    init_plugin_loader()
    connection = connection_loader.get("local", PlayContext())

    def run(
        name: str, folder: Path, extra: str | None, facts: dict[str, Any] | None = None, **arguments: Any
    ) -> dict[str, Any]:
        loader = DataLoader()
        loader.set_basedir(str(ROOT / "playbooks"))
        hosts = InventoryManager(loader=loader, sources=[str(folder)])
        variables = VariableManager(loader=loader, inventory=hosts)
        if extra:
            variables._extra_vars = parse_kv(extra)  # no update: Ansible shares the dictionary between managers
        hostvars: Any = HostVars(hosts, variables, loader)
        if facts is not None:
            read = {host: {"inferfleet_node": node} for host, node in facts.items()}
            registered = {
                host: {"ansible_facts": node, "__preflight_facts": {"ansible_facts": node}}
                for host, node in read.items()
            }
            hostvars = {host: {**hostvars[host], **registered.get(host, {})} for host in hosts.get_groups_dict()["all"]}
        task = Task.load({"name": "Check", name: arguments})
        return (
            _plugin(name)
            .ActionModule(task, connection, PlayContext(), loader, None, None)
            .run(
                task_vars={
                    "playbook_dir": str(ROOT / "playbooks"),
                    "groups": hosts.get_groups_dict(),
                    "hostvars": hostvars,
                    "inventory_hostname": next(iter(hosts.get_groups_dict()["all"]), "localhost"),
                    "ansible_play_hosts_all": hosts.get_groups_dict()["all"],
                    "ansible_inventory_sources": [str(folder)],
                }
            )
        )

    return run


@cache
def _plugin(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, ROOT / "plugins" / "action" / f"{name}.py")
    plugin = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(plugin)
    return plugin


@pytest.fixture(scope="session")
def check_inventory(action: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    """Run the action check_inventory."""
    return lambda folder, extra=None: action("check_inventory", folder, extra)


@pytest.fixture(scope="session")
def preflight(action: Callable[..., dict[str, Any]]) -> Callable[..., list[str]]:
    """Return the problem codes of preflight's actions for the given facts."""

    def codes(folder: Path, extra: str | None = None, facts: dict[str, Any] | None = None) -> list[str]:
        result = action("check_inventory", folder, extra)
        if not result.get("failed"):
            result = action("make_plan", folder, extra, facts or {}, enforce=True, image_space_gib=60)
        return [problem["code"] for problem in result.get("problems", [])]

    return codes
