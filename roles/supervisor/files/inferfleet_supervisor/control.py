"""The control socket: one JSON request and one JSON answer a connection, for root of this node."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from inferfleet_supervisor.daemon import Daemon
from inferfleet_supervisor.exchange import TIMEOUT
from inferfleet_supervisor.peers import RejectedError

_SECONDS = 15.0
_LIMIT = 64 * 1024


async def serve(daemon: Daemon, path: str) -> None:
    """Answer requests on the socket."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            request = json.loads(await asyncio.wait_for(reader.readline(), _SECONDS))
            answered = await _answer(daemon, request)
        except (TIMEOUT, RejectedError, ValueError, KeyError, TypeError) as error:
            answered = {"error": str(error) or type(error).__name__}
        writer.write(json.dumps(answered).encode() + b"\n")
        try:
            await asyncio.wait_for(writer.drain(), _SECONDS)
        except (TIMEOUT, OSError):
            pass
        finally:
            writer.close()

    Path(path).parent.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(FileNotFoundError):
        Path(path).unlink()
    mask = os.umask(0o177)
    try:
        await asyncio.start_unix_server(answer, path)
    finally:
        os.umask(mask)


async def _answer(daemon: Daemon, request: Mapping[str, Any]) -> dict[str, Any]:
    command = str(request["command"])
    return daemon.status() if command == "status" else await daemon.command(command, request)


def send(path: str, request: Mapping[str, Any]) -> dict[str, Any]:
    """Return the daemon's answer. Raises OSError if it does not answer, ValueError with its error."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(_SECONDS)
        connection.connect(path)
        connection.sendall(json.dumps(request).encode() + b"\n")
        received = b""
        while not received.endswith(b"\n"):
            part = connection.recv(_LIMIT)
            if not part:
                raise OSError("the supervisor closed the connection")
            received += part
    answer = json.loads(received)
    if "error" in answer:
        raise ValueError(answer["error"])
    return dict(answer)


def start_of(seconds: float) -> str:
    """Return the time so many seconds ago, as in the journal."""
    moment = datetime.now(timezone.utc) - timedelta(seconds=seconds)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
