"""State of a healthy cluster, as the modules report it; tests modify one value."""

from copy import deepcopy
from typing import Any

from inferfleet.doctor import Evidence
from inferfleet.doctor.evidence import unix_time

STARTED = "2026-11-23T05:52:51.541460687Z"
_CONTAINER = {
    "status": "running",
    "running": True,
    "oom_killed": False,
    "exit_code": 0,
    "started_at": STARTED,
    "finished_at": "0001-01-01T00:00:00Z",
    "ipc_mode": "host",
    "shm_size": 67108864,
    "restart_count": 0,
}
_SUPERVISED = {
    "state": "serving",
    "desired": "running",
    "since": STARTED,
    "restarts": 1,
    "exhausted": False,
    "members": [{"node": "n1", "state": "present", "age": 0.5}, {"node": "n2", "state": "present", "age": 0.7}],
}
_ANSWER = {"status": 200, "text": "", "seconds": 0.1}


_UNITS = [f"inferfleet-{name}.service" for name in ("gateway", "completion-check", "virtual-address")]


def _node(name: str, *containers: str) -> dict[str, Any]:
    return {
        "collected": round(unix_time(STARTED) or 0) + 60,
        "uptime_seconds": 86400,
        "docker": {"server_version": "27.3.1", "cgroup_driver": "systemd"},
        "containers": {name: {"name": name} | _CONTAINER for name in containers},
        "shm": {"type": "tmpfs", "source": "tmpfs", "total_bytes": 1 << 40, "free_bytes": 1 << 39},
        "mounts": {
            "/data/models": {"type": "ext4", "source": "/dev/md0", "total_bytes": 1 << 42, "free_bytes": 1 << 41}
        },
        "ranks": [{"title": "ray::RayWorkerProc", "seconds": 900}],
        "download": {},
        "gpus": {"node": {"count": 8, "output": ""}, "inferfleet-ray": {"count": 8, "output": ""}},
        "supervisor": {"node": name, "replica": "r", "leader": "n1"} | _SUPERVISED,
        "units": {unit: {"enabled": True, "active": True, "state": "active"} for unit in _UNITS},
        "listening": {"8000": "inferfleet", "22": "sshd"},
    }


def healthy() -> dict[str, Any]:
    """Return plain data of two nodes, n1 the head with Open WebUI."""
    return deepcopy(
        {
            "plans": [
                {
                    "head": "n1",
                    "port": 8000,
                    "api_url": "http://10.0.0.1:8000",
                    "executor": "ray",
                    "transport": "rdma",
                    "takes_api_key": True,
                    "served_model_name": "deepseek-r1",
                    "ranks": 2,
                    "nodes": {"n1": {"ray": True, "engine": True}, "n2": {"ray": True, "engine": False}},
                }
            ],
            "nodes": {
                "n1": _node("n1", "inferfleet-ray", "inferfleet-engine", "inferfleet-webui"),
                "n2": _node("n2", "inferfleet-ray"),
            },
            "answers": {
                "n1": {
                    "health": _ANSWER,
                    "models": _ANSWER | {"ids": ["deepseek-r1"]},
                    "unauthenticated": _ANSWER | {"status": 401},
                    "completion": _ANSWER,
                }
            },
            "webui": {
                "health": _ANSWER,
                "signin": 200,
                "models_status": 200,
                "models": ["deepseek-r1"],
                "apis": [_ANSWER | {"url": "http://10.0.0.1:8000/v1"}],
            },
            "unreachable": {},
        }
    )


def evidence(data: dict[str, Any], **more: Any) -> Evidence:
    """Return it as a diagnosis takes it."""
    return Evidence(**(data | {"plans": tuple(data["plans"])} | more))


def changed(path: str, value: Any) -> dict[str, Any]:
    """Return `healthy` with the value at a path of keys, separated by spaces, replaced."""
    data: Any = healthy()
    *way, last = path.split()
    place = data
    for key in way:
        place = place[int(key)] if isinstance(place, list) else place[key]
    place[int(last) if isinstance(place, list) else last] = value
    return data
