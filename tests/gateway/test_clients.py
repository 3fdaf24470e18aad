"""`inferfleet clients` with its playbook, in front of a running HAProxy: keys that are added, rotated and revoked."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from ansible.module_utils.haproxy import running_workers
from tests.gateway.client_inventory import ROOT, Inventory
from tests.gateway.conftest import Gateway

from inferfleet.gateway import Recorded, write_recorded

CHAT = "/v1/chat/completions"


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
        files = workers[0].maps()  # each can be read, unlike files that this configuration does not use
        assert gateway.paths.of("keys") in files
        assert all(workers[0].entries(file) is not None for file in files)
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
