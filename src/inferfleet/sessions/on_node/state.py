"""Print the state of this node at intervals, each as one JSON object: replica, metrics of the engine, GPUs."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from pathlib import Path
from typing import Any

SETTINGS = "/etc/inferfleet/supervisor.json"
SOCKET = "/run/inferfleet/supervisor.sock"
SECONDS = 3  # for one answer
# `nvidia-smi --help-query-gpu`
GPU = ("index", "utilization.gpu", "memory.used", "memory.total", "power.draw", "temperature.gpu")
direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def sample(text: str, names: list[str]) -> float | None:
    """Return the sum of the samples of the first metric that is there, in Prometheus' text format."""
    for name in names:
        found = re.findall(rf"^{re.escape(name)}(?:\{{.*\}})? ([-+\d.eE]+)", text, re.MULTILINE)
        if found:
            return sum(map(float, found))
    return None


def shares(text: str, names: list[str]) -> float | None:
    """Return the largest sample: of shares, a sum over ranks is none."""
    for name in names:
        found = re.findall(rf"^{re.escape(name)}(?:\{{.*\}})? ([-+\d.eE]+)", text, re.MULTILINE)
        if found:
            return max(map(float, found))
    return None


def engine(probe: dict[str, Any], names: dict[str, list[str]]) -> dict[str, float | None]:
    """Return the metrics of the engine; empty if it does not answer."""
    url = f"http://127.0.0.1:{probe['port']}{probe['metrics']['path']}"
    headers = {"Authorization": probe["authorization"]} if probe.get("authorization") else {}
    try:
        with direct.open(urllib.request.Request(url, headers=headers), timeout=SECONDS) as answer:
            text = answer.read().decode(errors="replace")
    except (OSError, ValueError):
        return {}
    read = {key: sample(text, of) for key, of in names.items() if key != "kv_cache"}
    return {**read, "kv_cache": shares(text, names["kv_cache"])}


def supervisor() -> dict[str, Any]:
    """Return what the supervisor reports; empty if none answers."""
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(SECONDS)
            connection.connect(SOCKET)
            connection.sendall(b'{"command": "status"}\n')
            with connection.makefile() as answer:
                return dict(json.loads(answer.readline()))
    except (OSError, ValueError, TypeError):
        return {}


def gpus() -> list[list[float | None]]:
    """Return the values of GPU for each one; empty without nvidia-smi."""
    argv = ["nvidia-smi", f"--query-gpu={','.join(GPU)}", "--format=csv,noheader,nounits"]
    try:
        ended = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError):
        return []
    return [[number(cell) for cell in line.split(",")] for line in ended.stdout.decode().splitlines()]


def number(text: str) -> float | None:
    """Return a number; None for `[N/A]`."""
    try:
        return float(text)
    except ValueError:
        return None


def end_with_input() -> None:
    """End this program when the connection ends."""
    while os.read(0, 4096):
        pass
    os.killpg(0, signal.SIGTERM)


def state(names: dict[str, list[str]]) -> dict[str, Any]:
    """Return the state of this node."""
    try:
        replica = json.loads(Path(SETTINGS).read_text("utf-8"))["replica"]
    except (OSError, ValueError, KeyError, TypeError):
        replica = {}
    probe = replica.get("probe") or {}
    metrics = engine(probe, names) if probe.get("metrics") else {}
    return {"time": time.time(), "supervisor": supervisor(), "engine": metrics, "gpus": gpus()}


def main(settings: dict[str, Any]) -> None:
    """Print the state until the connection ends."""
    with contextlib.suppress(PermissionError):  # it leads its group already
        os.setsid()
    threading.Thread(target=end_with_input, daemon=True).start()
    while True:
        began = time.monotonic()
        print(json.dumps(state(settings["metrics"])), flush=True)
        time.sleep(max(0.1, settings["seconds"] - (time.monotonic() - began)))


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
