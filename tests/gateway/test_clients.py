"""`inferfleet clients` with its playbook, in front of a running HAProxy: keys that are added, rotated and revoked."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.module_utils.haproxy import running_workers
from tests.gateway.conftest import KEYS, Gateway

from inferfleet.gateway import Recorded, write_recorded

ROOT = Path(__file__).parents[2]
CHAT = "/v1/chat/completions"


class Inventory:
    """An inventory whose gateway is the running HAProxy, with the keys of its clients."""

    def __init__(self, folder: Path, gateway: Gateway) -> None:
        self.folder, self.secrets = folder, folder / ".secrets"
        self.variables = {
            "__gateway_component": {"files": {"folder": str(gateway.folder)}},
            "__gateway_master_socket": str(gateway.master),
        }
        keys = self.secrets / "api_clients"
        keys.mkdir(parents=True)
        for name in ("alice", "bob"):
            (keys / name).write_text(f"{KEYS[name]}\n")
        (folder / "group_vars/all").mkdir(parents=True)
        settings = {
            "api_clients": [{"name": "alice"}, {"name": "bob"}, {"name": "own", "key": "sk-key-of-the-site"}],
            "served_model_name": "small",
        }
        (folder / "group_vars/all/10_cluster.yml").write_text(yaml.safe_dump(settings))
        self.write_hosts("gw1")

    def write_hosts(self, *gateways: str) -> None:
        """Write hosts.yml; gw2 is unreachable."""
        local = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
        addresses = {"gw1": {**local, "ansible_host": "127.0.0.1"}, "gw2": {"ansible_host": "127.0.0.1"}}
        addresses["gw2"] |= {"ansible_port": 1}
        groups: dict[str, Any] = {"ray_head": {"hosts": {"n1": {"ansible_host": "10.0.0.1"}}}}
        if gateways:
            groups["gateway"] = {"hosts": {name: addresses[name] for name in gateways}}
        (self.folder / "hosts.yml").write_text(yaml.safe_dump({"all": {"children": groups}}))

    def clients(self, *arguments: str) -> tuple[int, dict[str, Any], str]:
        """Run `inferfleet clients` and return its exit code, the JSON document and stderr."""
        variables = ["-e", json.dumps(self.variables)]
        done = subprocess.run(
            [sys.executable, "-m", "inferfleet", "clients", *arguments, "-i", self.folder, *variables, "--json"],
            capture_output=True,
            text=True,
            cwd=ROOT,
            env={**os.environ, "INFERFLEET_LANG": "en"},
        )
        return done.returncode, json.loads(done.stdout), done.stderr

    def key(self, name: str) -> str:
        """Return the generated key of a client."""
        return (self.secrets / "api_clients" / name).read_text().strip()


@pytest.fixture
def inventory(gateway: Gateway, tmp_path: Path) -> Inventory:
    return Inventory(tmp_path, gateway)


def status(gateway: Gateway, key: str, model: str = "small") -> int:
    """Return the status of a request with a key."""
    with gateway.client(headers={"Authorization": f"Bearer {key}"}) as client:
        return client.post(CHAT, json={"model": model}).status_code


def test_added_rotated_and_revoked_keys_apply_at_once(gateway, inventory):
    worker = gateway.worker()
    code, added, output = inventory.clients("add", "app", "--models", "small", "--max-concurrent", "2")
    assert code == 0, added["problems"] + added["failures"]
    assert added["result"]["client"]["key_file"] == str(inventory.secrets / "api_clients/app")
    first = inventory.key("app")
    assert [status(gateway, first), status(gateway, first, "busy")] == [200, 404]
    with gateway.streaming(first, "small") as events:
        code, rotated, shown = inventory.clients("rotate", "app", "--show-key")
        second = inventory.key("app")
        assert (code, rotated["result"]["client"].pop("key")) == (0, second)
        assert second in shown
        assert [status(gateway, first), status(gateway, second)] == [401, 200]
        assert gateway.worker() == worker

        gateway.reload_and_wait()  # the stream keeps the previous process, which must refuse the client as well
        code, revoked, more = inventory.clients("revoke", "app")
        assert code == 0, revoked["problems"] + revoked["failures"]
        assert [status(gateway, key) for key in (first, second, "sk-alice")] == [401, 401, 200]
        workers = [*running_workers(str(gateway.master))]
        names = [sorted(entry.split()[1] for entry in worker.entries(gateway.paths.of("keys"))) for worker in workers]
        assert names == [["alice", "bob", "open-webui", "own", "verify"]] * 2
        assert next(events).startswith("data: ")
    assert not (inventory.secrets / "api_clients/app").exists()
    logs = [path.read_text() for run in (added, rotated, revoked) for path in Path(run["log"]).parent.rglob("*.*")]
    printed = json.dumps([added, rotated, revoked]) + output + more + "".join(logs)
    assert [key for key in (first, second, "sk-alice", "sk-key-of-the-site") if key in printed] == []


def test_check_run_changes_nothing(gateway, inventory):
    files = {
        path: path.read_text()
        for path in [*inventory.secrets.rglob("*"), *gateway.folder.glob("*.map")]
        if path.is_file()
    }
    code, document, _ = inventory.clients("rotate", "bob", "--check", "--show-key")
    assert code == 0
    assert "key" not in document["result"]["client"]
    assert [task["task"] for task in document["changed_tasks"]] != []
    after = [*inventory.secrets.rglob("*"), *gateway.folder.glob("*.map")]
    assert {path: path.read_text() for path in after if path.is_file()} == files


def test_unreachable_gateway_is_reported_and_others_apply_the_change(gateway, inventory):
    inventory.write_hosts("gw2", "gw1")
    code, document, errors = inventory.clients("revoke", "bob")
    assert (code, document["outcome"]) == (4, "unreachable")
    assert [(failure["host"], failure["unreachable"]) for failure in document["failures"]] == [("gw2", True)]
    assert "not every gateway has it yet" in errors
    assert [status(gateway, "sk-bob"), status(gateway, "sk-alice")] == [401, 200]
    inventory.write_hosts("gw1")
    (inventory.secrets / "api_clients.yml").unlink()
    (inventory.secrets / "api_clients/bob").write_text("sk-bob\n")


def test_inventory_without_a_gateway_is_refused(inventory):
    inventory.write_hosts()
    exit_code, document, _ = inventory.clients("list", "-e", "gateway_enabled=false")
    assert (exit_code, [problem["code"] for problem in document["problems"]]) == (1, ["no-gateway"])


def test_client_that_is_added_and_in_the_inventory_is_refused_by_preflight(inventory):
    write_recorded(inventory.secrets, Recorded(({"name": "alice"},)))
    done = subprocess.run(
        [Path(sys.executable).with_name("ansible-playbook"), "playbooks/preflight.yml", "-i", inventory.folder],
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    assert done.returncode == 2
    assert "code: client-twice" in done.stdout + done.stderr
    assert "Read the node facts" not in done.stdout
