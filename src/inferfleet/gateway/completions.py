"""The file of roles/gateway/files/completion_check.py: which completions it requests."""

import json
from collections.abc import Sequence
from typing import Any

from inferfleet.gateway.backends import Backend

_INTERVAL = 10


def completion_check(
    backends: Sequence[Backend], port: int, socket: str, timeout: int, engine_api_key: str, interval: int = _INTERVAL
) -> str:
    """Return the settings of the completion check, in JSON."""
    replicas: list[dict[str, Any]] = [
        {
            "name": f"{backend.name}/{replica.name}",
            "address": replica.address,
            "port": replica.port,
            "supervisor_port": replica.supervisor_port,
            "path": f"{backend.api_path}/chat/completions",
            "model": backend.model,
            "authorization": f"Bearer {engine_api_key}" if backend.takes_api_key else "",
        }
        for backend in backends
        for replica in backend.replicas
    ]
    settings = {"port": port, "socket": socket, "interval": interval, "timeout": timeout, "replicas": replicas}
    return json.dumps(settings, indent=2) + "\n"
