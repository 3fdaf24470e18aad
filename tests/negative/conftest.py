"""The check of an inventory that Ansible itself has loaded."""

import importlib.util
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
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


@pytest.fixture(scope="session")
def listener() -> Iterator[socket.socket]:
    """Stand where the nodes' SSH servers would: whoever contacts a node, contacts this."""
    with socket.create_server(("0.0.0.0", 0)) as server:
        server.setblocking(False)
        yield server


@pytest.fixture
def nobody_came(listener: socket.socket) -> Callable[[], None]:
    """Assert that no node was contacted."""

    def check() -> None:
        with pytest.raises(BlockingIOError):
            listener.accept()

    return check


@pytest.fixture
def inventory(tmp_path: Path, listener: socket.socket) -> Callable[[Case], Path]:
    """Write a case's inventory."""
    return lambda case: write_inventory(case, tmp_path / "inventory", listener.getsockname()[1])


@pytest.fixture(scope="session")
def check_contract() -> Callable[..., dict[str, Any]]:
    """Run the action check_contract on an inventory that Ansible itself has loaded."""
    path = ROOT / "plugins" / "action" / "check_contract.py"
    spec = importlib.util.spec_from_file_location("check_contract", path)
    plugin = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(plugin)
    init_plugin_loader()
    connection = connection_loader.get("local", PlayContext())

    def check(folder: Path, extra: str | None = None) -> dict[str, Any]:
        loader = DataLoader()
        loader.set_basedir(str(ROOT / "playbooks"))
        hosts = InventoryManager(loader=loader, sources=[str(folder)])
        variables = VariableManager(loader=loader, inventory=hosts)
        if extra:
            variables._extra_vars = parse_kv(extra)  # no update: Ansible shares the dictionary between managers
        task = Task.load({"name": "Check", "check_contract": {}})
        action = plugin.ActionModule(task, connection, PlayContext(), loader, None, None)
        return action.run(
            task_vars={
                "playbook_dir": str(ROOT / "playbooks"),
                "groups": hosts.get_groups_dict(),
                "hostvars": HostVars(hosts, variables, loader),
                "ansible_inventory_sources": [str(folder)],
            }
        )

    return check
