#!/usr/bin/python
"""Collects logs and state of a node for a diagnosis, but no environment variables; stdlib only."""

from __future__ import annotations

import base64
import glob
import hashlib
import json
import os
import re
import time
import zlib
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.filesystem import existing_parent, mount, read_below, space
from ansible.module_utils.messages import N_, Message, os_reason
from ansible.module_utils.processes import command_lines, run

DOCUMENTATION = r"""
---
module: doctor_evidence
short_description: Logs and state of a node, for a diagnosis
description:
  - Changes nothing. Collects the logs of our containers (stopped ones too), Ray's session logs, the journals of Docker
    and NVIDIA's fabric manager, and kernel messages about accelerators, memory and disks; and the state of containers,
    Docker, C(/dev/shm), mounts and downloads.
  - Of a container, only the state is collected; environment and command line are never read.
  - On the controller, an action plugin of the same name writes the logs to a folder, with secrets replaced, so that the
    task's result contains only the state.
options:
  since:
    description: Age of the oldest log entries in seconds.
    type: int
    default: 3600
  containers:
    description: Regular expression of the names of the containers.
    type: str
    default: ^(inferfleet-(?!bundle)|gpustack)
  accelerator_containers:
    description: Names of the containers that have the node's accelerators.
    type: list
    elements: str
    default: []
  units:
    description: systemd units whose journals are collected.
    type: list
    elements: str
    default: []
  ray_volume:
    description: Docker volume with the logs of Ray's processes; empty collects none.
    type: str
    default: ""
  log_bytes:
    description: Maximum size of one log in bytes, from its end.
    type: int
    default: 4194304
  paths:
    description: Absolute paths whose file systems are measured.
    type: list
    elements: str
    default: []
  model_path:
    description: Folder of the model, for the state of its download.
    type: str
    default: ""
  ranks:
    description: Regular expression of the titles of processes that hold a rank; empty counts none.
    type: str
    default: ""
  supervisor:
    description: Command of the supervisor, whose status and events are collected; empty collects none.
    type: str
    default: ""
author: [inferfleet]
"""

EXAMPLES = r"""
- name: Collect the evidence of the last hour
  doctor_evidence:
    since: 3600
    paths: [/data/models]
"""

RETURN = r"""
logs:
  description: C(name), and C(text), compressed by zlib and in Base64.
  returned: always
  type: list
  elements: dict
state:
  description: C(containers), C(docker), C(shm), C(mounts), C(memory), C(download), C(ranks), C(gpus), C(uptime),
    C(supervisor).
  returned: always
  type: dict
unread:
  description: Unreadable sources with the reason, each as C(code), C(message), C(template) and C(parameters).
  returned: always
  type: list
  elements: dict
"""

STATE = ("Status", "Running", "Restarting", "OOMKilled", "Dead", "ExitCode", "Error", "StartedAt", "FinishedAt")
HOST = ("IpcMode", "ShmSize", "NetworkMode", "Runtime", "Privileged")
DOCKER = ("ServerVersion", "CgroupDriver", "CgroupVersion", "DefaultRuntime", "LiveRestoreEnabled", "DockerRootDir")
KERNEL = re.compile(
    r"NVRM|\bXid\b|nvidia|amdgpu|\bdrv_davinci|devdrv|out of memory|oom[-_]|killed process|I/O error"
    r"|blocked for more than|EXT4-fs error|XFS.*(error|shutdown)|nfs: server"
    r"|mlx5_core.*(error|down|health)|Hardware Error|thermal|segfault",
    re.IGNORECASE,
)
RAY_LOGS = ("gcs_server.*", "raylet.*", "monitor.*", "dashboard.log", "worker-*", "python-core-worker-*")
RAY_LOGS_MOST = 40


class Collector:
    """Collects logs, and the problems with unreadable sources."""

    def __init__(self, since: int, log_bytes: int) -> None:
        self.since, self.log_bytes = since, log_bytes
        self.logs: list[dict[str, str]] = []
        self.unread: list[dict[str, Any]] = []

    def run(self, argv: list[str], timeout: int = 60, quiet: bool = False) -> str | None:
        """Return the output of a command, stdout and stderr combined; None if it fails."""
        try:
            code, text = run(argv, timeout)
        except OSError as error:
            if not quiet:
                broken = N_("`{tool}` cannot be started: {reason}.")
                self.unread.append(Message("", broken, tool=" ".join(argv[:3]), reason=os_reason(error)).as_dict())
            return None
        if code != 0:
            if not quiet:
                failed = N_("`{tool}` exited with code {status}: {output}.")
                values = {"tool": " ".join(argv[:3]), "status": code, "output": text.strip()[-200:]}
                self.unread.append(Message("", failed, **values).as_dict())
            return None
        return text

    def keep(self, name: str, text: str | None) -> None:
        """Store a log, truncated to its end if it is long."""
        if text and text.strip():
            packed = zlib.compress(text[-self.log_bytes :].encode(errors="replace"))
            self.logs.append({"name": name, "text": base64.b64encode(packed).decode()})

    def containers(self, pattern: str) -> dict[str, dict]:
        """Return the state of our containers by name, and store their logs."""
        names = self.run(["docker", "ps", "--all", "--format", "{{.Names}}"], quiet=True)
        ours = sorted(name for name in (names or "").split() if re.search(pattern, name))
        found = {}
        for name in ours:
            inspected = self.run(["docker", "inspect", "--type", "container", name])
            if inspected is None:
                continue
            found[name] = {"name": name} | described(json.loads(inspected)[0])
            argv = ["docker", "logs", "--timestamps", "--since", f"{self.since}s"]
            self.keep(f"{name}.log", self.run([*argv, name], timeout=120))
        return found

    def ray_logs(self, volume: str) -> None:
        """Store the newest logs that Ray's processes have written in this period."""
        if not volume:
            return
        place = self.run(["docker", "volume", "inspect", "-f", "{{.Mountpoint}}", volume], quiet=True)
        if place is None:
            return
        begin, files = time.time() - self.since, set()
        for folder in glob.glob(os.path.join(place.strip(), "ray", "session_2*", "logs")):
            for pattern in RAY_LOGS:
                files |= set(glob.glob(os.path.join(folder, pattern)))
        written = sorted(((os.path.getmtime(f), f) for f in files if os.path.isfile(f)), reverse=True)
        for at, path in written[:RAY_LOGS_MOST]:
            if at >= begin and os.path.getsize(path):
                self.keep(f"ray-session/{os.path.basename(path)}", self.tail(path))

    def tail(self, path: str) -> str:
        """Return the last bytes of a file."""
        with open(path, "rb") as file:
            file.seek(max(0, os.path.getsize(path) - self.log_bytes // 8))
            return file.read().decode(errors="replace")

    def unit_states(self, units: list[str]) -> dict[str, dict]:
        """Return whether each installed unit is enabled and active, and systemd's word for its state, by name."""
        argv = ["systemctl", "show", "--property=Id,LoadState,ActiveState,UnitFileState", *units]
        text = self.run(argv, quiet=True) if units else ""
        blocks = [dict(line.split("=", 1) for line in part.splitlines()) for part in (text or "").split("\n\n")]
        return {
            block["Id"]: {
                "enabled": block["UnitFileState"] == "enabled",
                "active": block["ActiveState"] in ("active", "reloading"),
                "state": block["ActiveState"],
            }
            for block in blocks
            if block.get("LoadState") == "loaded"
        }

    def journals(self, units: list[str]) -> None:
        """Store the journals of system services and the kernel."""
        argv = ["journalctl", "--no-pager", "--quiet", "--output=short-iso", f"--since=-{self.since}s"]
        self.keep("docker.log", self.run([*argv, "--unit=docker", "--unit=containerd"]))
        for unit in units:
            self.keep(f"{unit}.log", self.run([*argv, f"--unit={unit}"], quiet=True))
        self.keep("fabric-manager.log", self.run([*argv, "--unit=nvidia-fabricmanager"], quiet=True))
        kernel = self.run([*argv, "--dmesg"], quiet=True) or self.run(["dmesg", "--time-format=iso"], quiet=True)
        begin = time.strftime(
            "%Y-%m-%dT%H:%M:%S", time.localtime(time.time() - self.since)
        )  # dmesg has no --since on old systems
        lines = [line for line in (kernel or "").splitlines() if KERNEL.search(line) and line >= begin]
        self.keep("kernel.log", "\n".join(lines))

    def supervisor(self, command: str) -> dict[str, Any]:
        """Return the status of the supervisor, and store its events; empty if none answers."""
        if not command or not os.path.exists(command):
            return {}
        self.keep(
            "inferfleet-supervisor.service.events.log",
            self.run([command, "events", "--json", "--since", str(self.since)], quiet=True),
        )
        status = self.run([command, "status", "--json"], quiet=True)
        try:
            return dict(json.loads(status or "{}"))
        except (ValueError, TypeError):
            return {}


def described(container: dict) -> dict:
    """Return the state of an inspected container, without its environment and command line."""
    state, host = container["State"], container["HostConfig"]
    found = {snake(key): state.get(key) for key in STATE} | {snake(key): host.get(key) for key in HOST}
    return found | {"restart_count": container.get("RestartCount", 0), "image": container.get("Image", "")}


def snake(name: str) -> str:
    """Return a key of Docker's API in snake case."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()


def docker_state(collect: Collector) -> dict:
    """Return the state of Docker; empty if it does not respond."""
    text = collect.run(["docker", "info", "--format", "{{json .}}"], timeout=30)
    try:
        info = json.loads((text or "").strip().splitlines()[-1])
    except (IndexError, ValueError):
        return {}
    return {snake(key): info.get(key) for key in DOCKER} | {"runtimes": sorted(info.get("Runtimes") or {})}


def filesystem(path: str) -> dict:
    """Return the file system of `path`, or of its nearest parent that exists."""
    path = os.path.realpath(existing_parent(path))
    source, point, kind = mount(path)
    return {"source": source, "mounted_at": point, "type": kind, **space(path)}


def rank_processes(pattern: str) -> list[dict]:
    """Return title and age in seconds of the processes that hold a rank."""
    if not pattern:
        return []
    rank, found = re.compile(pattern), []
    with open("/proc/uptime") as uptime:
        up = float(uptime.read().split()[0])
    for pid, words in command_lines():
        title = " ".join(words).strip()
        if not (stat := read_below("/", f"proc/{pid}/stat")):  # the process ended meanwhile
            continue
        ticks = int(stat.rsplit(")", 1)[1].split()[19])
        if rank.match(title):
            found.append({"title": title[:100], "seconds": round(up - ticks / os.sysconf("SC_CLK_TCK"))})
    return sorted(found, key=lambda process: process["title"])


def download(path: str) -> dict:
    """Return progress and idle time of the model's download; empty if none was started."""
    name = os.path.join(os.path.dirname(path), f".{os.path.basename(path)}.inferfleet-staging")
    if not path or not os.path.isdir(name):
        return {}
    written = [os.path.getmtime(name)]
    for folder, _, files in os.walk(name):
        written += [os.lstat(os.path.join(folder, file)).st_mtime for file in files]
    state = {"idle_seconds": round(time.time() - max(written)), "running": False, "done": 0, "total": 0, "events": []}
    try:
        with open(f"/run/inferfleet/{hashlib.sha256(path.encode()).hexdigest()[:16]}.progress") as file:
            progress = json.load(file)
    except (OSError, ValueError):
        return state
    state |= {key: progress.get(key, state[key]) for key in ("done", "total", "events")}
    return state | {"running": os.path.exists(f"/proc/{progress.get('pid')}")}


def gpus(collect: Collector, containers: dict[str, dict], ours: list[str]) -> dict:
    """Return the result of `nvidia-smi -L` on the node and in each running container with accelerators."""
    on_node = collect.run(["nvidia-smi", "-L"], timeout=30, quiet=True)
    if on_node is None:
        return {}
    result = {"node": {"count": on_node.count("GPU "), "output": ""}}
    for name in (name for name, state in containers.items() if state["running"] and name in ours):
        output = (
            collect.run(["docker", "exec", name, "sh", "-c", "nvidia-smi -L 2>&1 || true"], timeout=30, quiet=True)
            or ""
        )
        lines = output.strip().splitlines()
        last = lines[-1][:200] if lines and "GPU " not in output else ""
        result[name] = {"count": output.count("GPU "), "output": last}
    return result


def memory() -> dict[str, int]:
    """Return total and available memory in bytes."""
    with open("/proc/meminfo") as lines:
        values = dict(line.split(":") for line in lines)
    return {
        key: int(values[name].split()[0]) << 10
        for key, name in (("total_bytes", "MemTotal"), ("available_bytes", "MemAvailable"))
    }


def main() -> None:
    """Entry point of the module."""
    module = AnsibleModule(
        argument_spec={
            "since": {"type": "int", "default": 3600},
            "containers": {"type": "str", "default": "^(inferfleet-(?!bundle)|gpustack)"},
            "accelerator_containers": {"type": "list", "elements": "str", "default": []},
            "units": {"type": "list", "elements": "str", "default": []},
            "ray_volume": {"type": "str", "default": ""},
            "log_bytes": {"type": "int", "default": 4194304},
            "paths": {"type": "list", "elements": "str", "default": []},
            "model_path": {"type": "str", "default": ""},
            "ranks": {"type": "str", "default": ""},
            "supervisor": {"type": "str", "default": ""},
        },
        supports_check_mode=True,
    )
    params = module.params
    collect = Collector(params["since"], params["log_bytes"])
    containers = collect.containers(params["containers"])
    collect.ray_logs(params["ray_volume"])
    collect.journals(params["units"])
    with open("/proc/uptime") as uptime:
        up = round(float(uptime.read().split()[0]))
    state = {
        "collected": round(time.time()),
        "uptime_seconds": up,
        "docker": docker_state(collect),
        "containers": containers,
        "shm": filesystem("/dev/shm"),
        "mounts": {path: filesystem(path) for path in params["paths"]},
        "memory": memory(),
        "ranks": rank_processes(params["ranks"]),
        "units": collect.unit_states(params["units"]),
        "download": download(params["model_path"]),
        "gpus": gpus(collect, containers, params["accelerator_containers"]),
        "supervisor": collect.supervisor(params["supervisor"]),
    }
    module.exit_json(changed=False, logs=collect.logs, state=state, unread=collect.unread)


if __name__ == "__main__":
    main()
