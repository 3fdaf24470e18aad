"""Removal of the deployment: no secret was printed, and nothing remains."""

from typing import Any

import pytest
from lab_cluster import ROOT, ArgvWatch, Controller, Lab, secrets

pytestmark = pytest.mark.lab


def test_no_secret_is_in_command_output(deployed: dict[str, Any], controller: Controller) -> None:
    output = "\n".join(controller.output)
    assert [name for name, value in secrets().items() if value in output] == []


def test_no_secret_is_in_controller_logs(deployed: dict[str, Any]) -> None:
    logs = [file for file in (ROOT / ".cache" / "inferfleet").rglob("*") if file.is_file()]
    assert logs
    shown = [(name, file) for file in logs for name, value in secrets().items() if value.encode() in file.read_bytes()]
    assert shown == []


def test_no_secret_is_in_node_logs(deployed: dict[str, Any], lab: Lab) -> None:
    sources = {
        "journal": "journalctl --no-pager",
        "containers": "for name in $(docker ps -aq); do docker logs $name 2>&1; done",
        "Ray": "find $(docker inspect -f '{{.Mountpoint}}' inferfleet-tmp) -path '*/logs/*' -type f -exec cat {} +",
        "/var/log": "find /var/log -type f -not -path '*/journal/*' -exec cat {} +",
    }
    logs = {(node, source): lab.ssh(node, command) for node in lab.names for source, command in sources.items()}
    assert all(logs[node, "Ray"] for node in lab.names)
    assert [(name, place) for place, log in logs.items() for name, value in secrets().items() if value in log] == []


def test_no_secret_is_in_command_lines(deployed: dict[str, Any], argv_watch: ArgvWatch) -> None:
    assert any(b"vllm" in argv for argv in argv_watch.seen), "the watch sees the nodes' processes"
    values = {name: value.encode() for name, value in secrets().items()}
    assert [(name, argv) for argv in argv_watch.seen for name, value in values.items() if value in argv] == []


def test_down_keeps_only_the_weights(deployed: dict[str, Any], lab: Lab, controller: Controller) -> None:
    down = controller.inferfleet("down", "--yes")
    assert down.rc == 0, down
    for node in lab.names:
        assert lab.containers(node) == []
        assert lab.ssh(node, "docker images -q; docker volume ls -q") == ""
        assert lab.ssh(node, "ls -d /etc/inferfleet /opt/inferfleet /var/lib/inferfleet 2>/dev/null || true") == ""
        assert "inferfleet" not in lab.ssh(
            node, "cat /etc/hosts; nft list tables; ls /etc/systemd/system/nftables.service.d"
        )
        # Exits with 1 if there is none.
        assert lab.ssh(node, "systemctl list-unit-files --no-legend 'inferfleet-*' || true") == ""
        assert "model.safetensors.index.json" in lab.ssh(node, "ls /data/models/inferfleet/tiny-r1")


def test_status_fails_after_down(deployed: dict[str, Any], controller: Controller) -> None:
    status = controller.inferfleet("status")
    assert status.rc == 2, status


def test_down_with_weights_removes_them(deployed: dict[str, Any], lab: Lab, controller: Controller) -> None:
    down = controller.inferfleet("down", "--weights", "--yes")
    assert down.rc == 0, down
    assert {item["task"] for item in down.document["changed_tasks"]} == {
        "Remove the weights and partial downloads",
        "Remove the empty publisher folder",
    }
    assert [lab.ssh(node, "find /data/models -mindepth 1") for node in lab.names] == ["", ""]
