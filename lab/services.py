"""Background processes: the registry and the hub on the cluster network."""

import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from lab.config import LabConfig
from lab.problem import LabError
from lab.shell import has_ended

START_TIMEOUT = 20.0  # seconds until a service must listen
STOP_TIMEOUT = 10.0  # seconds until a stopping service is killed


@dataclass(frozen=True)
class Service:
    """One detached process that listens on `host`:`port`; `env` is added to its environment."""

    name: str
    argv: list[str]
    host: str
    port: int
    env: Mapping[str, str] = field(default_factory=dict)


def log_file(config: LabConfig, name: str) -> Path:
    """Path of a service's log."""
    return config.state / "logs" / f"{name}.log"


def _record(config: LabConfig, name: str) -> Path:
    # In the cache, not in the checkout: a machine has one cluster network, and one service of each name.
    return config.cache / "run" / f"{name}.json"


def running_pid(config: LabConfig, name: str, argv: list[str] | None = None) -> int | None:
    """Return the process id of a running service, else None.

    The recorded command line is compared with that of the process: process ids are reused after a reboot.
    With `argv` only a service started with exactly these arguments counts.
    """
    try:
        record = json.loads(_record(config, name).read_text())
        command = Path(f"/proc/{record['pid']}/cmdline").read_bytes().decode().rstrip("\0").split("\0")
    except (OSError, ValueError, KeyError):
        return None
    alive = bool(record["argv"] == command[-len(record["argv"]) :]) and argv in (None, record["argv"])
    return int(record["pid"]) if alive else None


def listens(host: str, port: int) -> bool:
    """Return whether a process accepts connections at `host`:`port`."""
    with socket.socket() as connection:
        connection.settimeout(1)
        return connection.connect_ex((host, port)) == 0


def start(config: LabConfig, service: Service) -> str:
    """Start a service unless it runs with these arguments; return its address and what was done.

    Raises LabError if it exits early, does not listen in time, or another process uses the port.
    """
    address = f"{service.host}:{service.port}"
    if running_pid(config, service.name, service.argv) and listens(service.host, service.port):
        return f"{address} unchanged"
    stop(config, service.name)
    if listens(service.host, service.port):
        raise LabError(f"{address} is in use. Stop the process that listens there: `ss -ltnp sport = {service.port}`.")
    log = log_file(config, service.name)
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("a") as stream:
        process = subprocess.Popen(
            service.argv, stdin=subprocess.DEVNULL, stdout=stream, stderr=stream, cwd=config.checkout,
            env={**os.environ, **service.env}, start_new_session=True,
        )  # fmt: skip
    record = _record(config, service.name)
    record.parent.mkdir(parents=True, exist_ok=True)
    record.write_text(json.dumps({"pid": process.pid, "argv": service.argv}))
    deadline = time.monotonic() + START_TIMEOUT
    while not listens(service.host, service.port):
        if process.poll() is not None or time.monotonic() > deadline:
            stop(config, service.name)
            raise LabError(f"The {service.name} does not listen on {address}. Read {log}.")
        time.sleep(0.05)
    return f"{address} started"


def stop(config: LabConfig, name: str) -> bool:
    """Stop a service; return whether it was running."""
    pid = running_pid(config, name)
    if pid:
        os.kill(pid, signal.SIGTERM)
        deadline = time.monotonic() + STOP_TIMEOUT
        while not has_ended(pid):
            if time.monotonic() > deadline:
                os.kill(pid, signal.SIGKILL)
                break
            time.sleep(0.05)
    _record(config, name).unlink(missing_ok=True)
    return pid is not None
