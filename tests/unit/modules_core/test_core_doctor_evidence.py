"""doctor_evidence; `docker` and `journalctl` are programs that print files."""

import base64
import hashlib
import json
import os
import time
import zlib
from pathlib import Path

import pytest

SECRET = "VLLM_API_KEY=never-read-this"
INSPECTED = {
    "State": {
        "Status": "exited",
        "Running": False,
        "OOMKilled": True,
        "ExitCode": 137,
        "StartedAt": "x",
        "FinishedAt": "y",
    },
    "HostConfig": {"IpcMode": "host", "ShmSize": 67108864, "NetworkMode": "host"},
    "Config": {"Env": [SECRET], "Cmd": ["--api-key", "never-read-this"]},
    "RestartCount": 3,
    "Image": "sha256:0a",
}
DOCKER = r"""#!/bin/sh
case "$*" in
"ps --all"*) printf 'inferfleet-engine\ninferfleet-engine-before\nunrelated\ninferfleet-bundle-x\n' ;;
"inspect --type container"*) cat "$HERE/inspected.json" ;;
"logs --timestamps --since 600s inferfleet-engine") echo one; echo two >&2 ;;
"logs"*) echo before ;;
"volume inspect"*) echo "$HERE/volume" ;;
"info"*) echo '{"ServerVersion": "27.3.1", "CgroupDriver": "systemd", "Runtimes": {"runc": {}, "nvidia": {}}}' ;;
*) exit 9 ;;
esac
"""
JOURNAL = r"""#!/bin/sh
case "$*" in
*--dmesg*) printf '%s kernel: NVRM: Xid (PCI:0000:3b:00): 79, GPU has fallen off the bus\n' $NOW
  printf '%s kernel: usb 1-1: new device\n' $NOW ;;
*--unit=docker*) echo "dockerd: started" ;;
*--unit=haproxy*) echo "haproxy: started" ;;
*) exit 1 ;;
esac
"""

SYSTEMCTL = r"""#!/bin/sh
cat <<END
Id=inferfleet-gateway.service
LoadState=loaded
ActiveState=failed
UnitFileState=enabled

Id=inferfleet-completion-check.service
LoadState=not-found
ActiveState=inactive
UnitFileState=
END
"""


@pytest.fixture
def node(tmp_path: Path) -> dict[str, str]:
    """The environment of a node with those programs and a session of Ray."""
    for name, text in (("docker", DOCKER), ("journalctl", JOURNAL), ("systemctl", SYSTEMCTL)):
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o755)
    (tmp_path / "inspected.json").write_text(json.dumps([INSPECTED]))
    logs = tmp_path / "volume/ray/session_2026-11-23/logs"
    logs.mkdir(parents=True)
    (logs / "raylet.out").write_text("raylet log\n")
    (logs / "gcs_server.out").write_text("long ago\n")
    os.utime(logs / "gcs_server.out", (time.time() - 7200,) * 2)
    now = time.strftime("%Y-%m-%dT%H:%M:%S+0000", time.gmtime())
    return {"PATH": f"{tmp_path}:/usr/bin:/bin", "HERE": str(tmp_path), "NOW": now, "TZ": "UTC"}


def texts(result: dict) -> dict[str, str]:
    return {log["name"]: zlib.decompress(base64.b64decode(log["text"])).decode() for log in result["logs"]}


def test_logs_of_containers_ray_and_system(run_module, node):
    result = run_module("doctor_evidence", env=node, since=600, ray_volume="inferfleet-tmp", units=["haproxy"])
    assert result["changed"] is False
    assert texts(result) == {
        "inferfleet-engine.log": "one\ntwo\n",
        "inferfleet-engine-before.log": "before\n",
        "ray-session/raylet.out": "raylet log\n",
        "haproxy.log": "haproxy: started\n",
        "docker.log": "dockerd: started\n",
        "kernel.log": f"{node['NOW']} kernel: NVRM: Xid (PCI:0000:3b:00): 79, GPU has fallen off the bus",
    }
    assert result["unread"] == []


def test_state_of_installed_units(run_module, node):
    units = ["inferfleet-gateway.service", "inferfleet-completion-check.service"]
    state = run_module("doctor_evidence", env=node, since=600, units=units)["state"]["units"]
    assert state == {"inferfleet-gateway.service": {"enabled": True, "active": False, "state": "failed"}}


def test_long_log_is_truncated_to_its_end(run_module, node):
    assert texts(run_module("doctor_evidence", env=node, since=600, log_bytes=4))["inferfleet-engine.log"] == "two\n"


def test_state_without_environment_or_command_line(run_module, node):
    result = run_module("doctor_evidence", env=node, paths=["/tmp"], ranks="^no-such-process")
    assert "never-read-this" not in json.dumps(result)
    state = result["state"]
    assert state["containers"]["inferfleet-engine"] == {
        "name": "inferfleet-engine",
        "status": "exited",
        "running": False,
        "restarting": None,
        "oom_killed": True,
        "dead": None,
        "exit_code": 137,
        "error": None,
        "started_at": "x",
        "finished_at": "y",
        "ipc_mode": "host",
        "shm_size": 67108864,
        "network_mode": "host",
        "runtime": None,
        "privileged": None,
        "restart_count": 3,
        "image": "sha256:0a",
    }
    assert set(state["containers"]) == {"inferfleet-engine", "inferfleet-engine-before"}
    assert (state["docker"]["server_version"], state["docker"]["runtimes"]) == ("27.3.1", ["nvidia", "runc"])
    assert state["mounts"]["/tmp"]["total_bytes"] >= state["mounts"]["/tmp"]["free_bytes"] > 0
    assert state["shm"]["mounted_at"] == "/dev/shm"
    assert (state["ranks"], state["gpus"], state["download"]) == ([], {}, {})


def test_node_without_docker_is_reported(run_module):
    result = run_module("doctor_evidence", env={"PATH": "/nowhere"})
    assert (result["state"]["docker"], result["state"]["containers"]) == ({}, {})
    assert any("docker info" in text["message"] for text in result["unread"])


def test_idle_download(load, tmp_path):
    module = load("doctor_evidence")
    path = tmp_path / "owner/model"
    assert module.download(str(path)) == {}
    staging = path.parent / ".model.inferfleet-staging"
    staging.mkdir(parents=True)
    (staging / "part").write_text("x")
    for place in (staging / "part", staging):
        os.utime(place, (time.time() - 90,) * 2)
    state = module.download(str(path))
    assert 89 <= state["idle_seconds"] <= 95
    assert (state["running"], state["done"]) == (False, 0)
    name = hashlib.sha256(str(path).encode()).hexdigest()[:16]
    progress = Path(f"/run/inferfleet/{name}.progress")
    progress.parent.mkdir(exist_ok=True)
    progress.write_text(json.dumps({"done": 5, "total": 9, "pid": os.getpid(), "events": ["hub: no bytes"]}))
    try:
        assert module.download(str(path)) | {"idle_seconds": 0} == {
            "idle_seconds": 0,
            "running": True,
            "done": 5,
            "total": 9,
            "events": ["hub: no bytes"],
        }
    finally:
        progress.unlink()


def test_ranks_are_processes_with_their_age(load):
    me = f"/proc/{os.getpid()}/cmdline"
    title = Path(me).read_bytes().replace(b"\0", b" ").decode().split()[0]
    found = load("doctor_evidence").rank_processes("^" + title.replace(".", r"\."))
    assert found
    assert all(process["seconds"] >= 0 for process in found)
