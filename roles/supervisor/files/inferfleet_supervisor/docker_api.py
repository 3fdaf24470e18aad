"""Docker's API over its Unix socket: inspect, start, signal and list processes of containers, and follow events.

Paths have no version, so each daemon answers with its own. Requests use HTTP/1.0, which Docker answers without chunks.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, NamedTuple
from urllib.parse import quote, urlencode

from inferfleet_supervisor.exchange import FAILURES, Answer, connect, request, send
from inferfleet_supervisor.member import Seen

SOCKET = "/var/run/docker.sock"
SECONDS = 30.0
START_SECONDS = 300.0


class DockerUnavailableError(Exception):
    """Docker does not answer: nothing is known about the containers."""


class DockerRefusedError(Exception):
    """Docker refused, for the reason in the text."""


class Happened(NamedTuple):
    """An event of a container; `time` in nanoseconds."""

    action: str
    name: str
    id: str
    time: int


class Docker:
    """A Docker daemon."""

    def __init__(self, socket: str = SOCKET) -> None:
        self.socket = socket

    async def _request(self, method: str, path: str, seconds: float = SECONDS) -> Answer:
        try:
            answer = await asyncio.wait_for(request(self.socket, 0, method, path), seconds)
        except FAILURES as error:
            raise DockerUnavailableError(str(error) or type(error).__name__) from error
        if answer.status >= 400 and answer.status != 404:
            raise DockerRefusedError(_message(answer.body))
        return answer

    async def inspect(self, name: str) -> Seen | None:
        """Return the state of a container; None if it does not exist."""
        answer = await self._request("GET", f"/containers/{quote(name)}/json")
        return None if answer.status == 404 else seen_of(_json(answer.body))

    async def start(self, name: str) -> None:
        """Start a container. Returns when its process runs."""
        await self._request("POST", f"/containers/{quote(name)}/start", START_SECONDS)

    async def kill(self, name: str, signal: str = "") -> None:
        """Send a signal to a container, by default the one its image names for stopping."""
        if not signal:
            config = _json((await self._request("GET", f"/containers/{quote(name)}/json")).body).get("Config", {})
            signal = config.get("StopSignal") or "SIGTERM"
        await self._request("POST", f"/containers/{quote(name)}/kill?signal={quote(signal)}")

    async def folder_of(self, volume: str) -> str:
        """Return the folder of a volume on this node; empty if it does not exist."""
        return str(_json((await self._request("GET", f"/volumes/{quote(volume)}")).body).get("Mountpoint", ""))

    async def processes(self, name: str) -> Sequence[str]:
        """Return the command lines of a container's processes."""
        answer = await self._request("GET", f"/containers/{quote(name)}/top?ps_args={quote('-eo pid,args')}")
        return [row[-1] for row in _json(answer.body).get("Processes") or ()]

    async def events(self, names: Sequence[str], since: int) -> AsyncIterator[Happened]:
        """Yield what happens to containers, from a time in nanoseconds on, until Docker closes the connection."""
        filters = {"type": ["container"], "event": ["stop", "start", "destroy"], "container": list(names)}
        query = urlencode({"since": f"{since // 10**9}.{since % 10**9:09d}", "filters": json.dumps(filters)})
        try:
            streams = await connect(self.socket, 0)
        except OSError as error:
            raise DockerUnavailableError(str(error)) from error
        try:
            await asyncio.wait_for(send(streams, "GET", f"/events?{query}"), SECONDS)
            while True:
                line = await streams[0].readline()
                if not line:
                    return
                data = json.loads(line)
                actor = data["Actor"]
                yield Happened(data["Action"], actor["Attributes"]["name"], actor["ID"], data["timeNano"])
        except (*FAILURES, KeyError, TypeError) as error:
            raise DockerUnavailableError(str(error)) from error
        finally:
            streams[1].close()


def seen_of(data: Mapping[str, Any]) -> Seen:
    """Return a container's state from Docker's description of it. A restarting one does not run."""
    state = data["State"]
    health = (state.get("Health") or {}).get("Status", "none")
    return Seen(
        id=data["Id"],
        running=bool(state["Running"]) and not state.get("Restarting"),
        started=state.get("StartedAt", ""),
        exit_code=int(state.get("ExitCode", 0)),
        oom=bool(state.get("OOMKilled")),
        ready=health in ("none", "", "healthy"),
    )


def _json(body: bytes) -> dict[str, Any]:
    try:
        data = json.loads(body)
    except ValueError as error:
        raise DockerUnavailableError("not JSON") from error
    return data if isinstance(data, dict) else {}


def _message(body: bytes) -> str:
    try:
        return str(json.loads(body)["message"])
    except (ValueError, KeyError, TypeError):
        return body.decode(errors="replace")[:200]
