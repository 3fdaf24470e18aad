"""The daemon of a node: each second it inspects the containers, reports to the leader, and obeys its order."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from inferfleet_supervisor import member as node_logic
from inferfleet_supervisor import metrics
from inferfleet_supervisor.docker_api import Docker, DockerRefusedError, DockerUnavailableError
from inferfleet_supervisor.exchange import accepts
from inferfleet_supervisor.journal import Journal, Store
from inferfleet_supervisor.leader import Leader
from inferfleet_supervisor.member import Seen
from inferfleet_supervisor.messages import REPORT_PATH, Token
from inferfleet_supervisor.model import DOWN, STARTING, UNKNOWN, Order, Report, only_known
from inferfleet_supervisor.peers import COMMAND_PATH, Client, RejectedError, Server
from inferfleet_supervisor.sessions import Sessions, clean
from inferfleet_supervisor.settings import Settings
from inferfleet_supervisor.state import Event

INTERVAL = 1.0
LONGEST_INTERVAL = 2.0
"""A longer pause of the process, the machine or the clock counts as this."""


class Daemon:
    """A node of a replica."""

    def __init__(
        self,
        settings: Settings,
        folder: Path,
        docker: Docker | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.settings, self.clock = settings, clock
        self.docker = docker or Docker()
        self.store = Store(folder / "state.json")
        self.journal = Journal(folder / "events.jsonl", settings.node, settings.replica)
        self.token = Token(settings.token_file)
        saved = self.store.read()
        self.rebooted = saved.get("boot", settings.boot) != settings.boot
        if saved.get("leader") != settings.leader:  # another replica; one that is only renamed has the same head node
            saved = {}
        same_boot = saved.get("boot") == settings.boot
        self.member = node_logic.restored(saved.get("member") or {})
        if not same_boot:  # nothing runs, whoever stopped it
            self.member = replace(self.member, expected=(), stops={}, ranks_reached=False)
        self.events_time = int(saved.get("events_time", 0)) if same_boot else 0
        self.events_time = self.events_time or time.time_ns()
        self.leader = Leader(settings, saved) if settings.leads else None
        self.client = Client(settings.node, settings.members[settings.leader], settings.port, self.token)
        self.order: Order | None = None
        self.contact = ""  # why the leader does not answer
        self.seen: Mapping[str, Seen | None] | None = None
        self.busy: set[str] = set()  # containers with an action under way
        self.tasks: set[asyncio.Future[Any]] = set()
        self.sessions = Sessions(self.docker, settings.sessions)

    async def run(self) -> None:
        """Supervise until the process ends."""
        server = Server(self.token, {REPORT_PATH: self._report, COMMAND_PATH: self._command}, self.health, self.metrics)
        await asyncio.start_server(server.serve, self.settings.address, self.settings.port)
        self._spawn(self._follow_events())
        last = self.clock()
        while True:
            now = self.clock()
            await self.tick(min(max(now - last, 0.0), LONGEST_INTERVAL))
            last = now
            await asyncio.sleep(max(0.0, INTERVAL - (self.clock() - now)))

    async def tick(self, seconds: float) -> None:
        """Look, report and obey, after some seconds."""
        await self._observe(seconds)
        if self.leader and self.seen is not None:
            self.leader.note(self._own_report())
        if self.leader:
            self._record(await self.leader.step(seconds))
            self.order = self.leader.group.order()
        elif self.seen is not None:
            await self._exchange()
        if self.order and self.seen is not None:
            stop = self.settings.stop
            self.member, actions = node_logic.obey(self.member, self.order, self.settings.stages, self.seen, stop)
            for action, name in actions:
                self._spawn(self._act(action, name))
        for folder, present in await self.sessions.due(self.seen or {}):
            self._spawn(clean(folder, present))
        self._save()

    async def _observe(self, seconds: float) -> None:
        """Inspect the containers. What is known stays while Docker does not answer: that is no exit."""
        settings = self.settings
        ranks = None
        try:
            seen = {name: await self.docker.inspect(name) for name in settings.names}
            if settings.ranks_pattern:
                ranks = await self._ranks(seen)
        except (DockerUnavailableError, DockerRefusedError):
            return
        if self.order and self.order.phase == STARTING:
            seen = {name: await self._listening(name, state) for name, state in seen.items()}
        self.seen = seen
        self.member = node_logic.observe(self.member, seen, ranks, settings.ranks_count, seconds)
        if self.busy:  # a container that Docker is starting has not exited
            self.member = replace(
                self.member, down={name: age for name, age in self.member.down.items() if name not in self.busy}
            )

    async def _listening(self, name: str, seen: Seen | None) -> Seen | None:
        """Return the state of a container, ready only once its port accepts connections."""
        port = self.settings.ports.get(name)
        if not port or seen is None or not seen.running:
            return seen
        return replace(seen, ready=seen.ready and await accepts(self.settings.address, port, INTERVAL))

    async def _ranks(self, seen: Mapping[str, Seen | None]) -> int:
        pattern = self.settings.ranks_pattern
        running = [name for name, state in seen.items() if state is not None and state.running]
        lines = [line for name in running for line in await self.docker.processes(name)]
        return sum(bool(pattern and pattern.match(line)) for line in lines)

    def _own_report(self) -> Report:
        settings = self.settings
        return node_logic.report(self.member, settings.node, settings.boot, settings.stages, self.seen or {})

    async def _exchange(self) -> None:
        """Send the report to the leader; without an answer, the last order remains."""
        try:
            answer = await self.client.send(REPORT_PATH, {"report": self._own_report().data()})
            self.order = Order(**only_known(Order, answer))
            self.contact = ""
        except (RejectedError, TypeError, KeyError) as error:
            if not self.contact:
                print(f"The leader {self.settings.leader} does not answer: {error}", flush=True)
            self.contact = str(error) or type(error).__name__

    async def _act(self, action: str, name: str) -> None:
        """Start or signal a container."""
        self.busy.add(name)
        try:
            if action == "start":
                await self.docker.start(name)
            else:
                await self.docker.kill(name, "SIGKILL" if action == "kill" else "")
        except DockerUnavailableError as error:
            print(f"Docker does not answer ({action} {name}): {error}", flush=True)
        except DockerRefusedError as error:
            if action == "start":  # a signal to a container that has just exited fails, too
                self._record([Event("start-failed", {"container": name, "error": str(error)})])
        finally:
            self.busy.discard(name)

    async def _follow_events(self) -> None:
        """Note the containers that somebody stopped or started, also while the daemon was not running."""
        while True:
            try:
                async for event in self.docker.events(self.settings.names, self.events_time):
                    self.events_time = event.time + 1
                    self.member = node_logic.note_event(self.member, event.action, event.name, event.id)
            except DockerUnavailableError:
                pass
            await asyncio.sleep(INTERVAL)

    # Requests

    def _report(self, data: Mapping[str, Any]) -> dict[str, Any]:
        if self.leader is None:
            raise ValueError(f"{self.settings.node} is not the leader")
        report = Report.of(data["report"])
        if report.node != data["node"]:
            raise ValueError("the report of another node")
        return asdict(self.leader.note(report))

    def _command(self, data: Mapping[str, Any]) -> dict[str, Any]:
        if self.leader is None:
            raise ValueError(f"{self.settings.node} is not the leader")
        self._record(self.leader.command(str(data["command"]), data))
        self._save()
        return self.status()

    async def command(self, name: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """Execute an operator's command at the leader; return the status. Raises RejectedError or ValueError."""
        data = {**parameters, "command": name}
        return self._command(data) if self.leader else await self.client.send(COMMAND_PATH, data)

    def health(self) -> dict[str, Any]:
        """Return the state for the gateway; only the leader that has seen its containers knows it.

        The gateway requests it from leaders, and from a member only while that has the settings of an earlier replica.
        """
        state = UNKNOWN
        if self.leader and self.seen is not None:
            state = self.leader.health()
        elif self.leader and self.rebooted:  # nothing has been started since
            state = DOWN
        return {"replica": self.settings.replica, "state": state}

    def metrics(self) -> str:
        """Return the state of the replica as metrics."""
        return metrics.render(self.status())

    def status(self) -> dict[str, Any]:
        """Return the state of the replica; a member's is what its leader ordered last."""
        settings = self.settings
        status: dict[str, Any] = {"node": settings.node, "replica": settings.replica, "leader": settings.leader}
        if self.leader:
            return {**status, **self.leader.status()}
        order = self.order
        status.update({"state": order.phase if order and not self.contact else "unknown", "contact": self.contact})
        return {**status, "generation": self.member.generation, "desired": order.desired if order else "running"}

    # Records

    def _record(self, events: list[Event]) -> None:
        generation = self.leader.group.generation if self.leader else self.member.generation
        for event in events:
            self.journal.write(generation, event.code, event.parameters)

    def _save(self) -> None:
        leader = self.leader.saved() if self.leader else {}
        known = {"leader": self.settings.leader, "boot": self.settings.boot, "member": node_logic.saved(self.member)}
        # The exact ages are not worth a write to the disk each second.
        if leader:
            leader["group"] = {**leader["group"], "elapsed": leader["group"]["elapsed"] // 60 * 60, "lost_seconds": 0.0}
            leader["group"]["held"] = leader["group"]["held"] // 60 * 60
            leader["group"]["answering"] = 0.0
        self.store.write({**known, **leader, "events_time": self.events_time})

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(work)
        self.tasks.add(task)
        task.add_done_callback(self._finished)

    def _finished(self, task: asyncio.Future[Any]) -> None:
        self.tasks.discard(task)
        if not task.cancelled() and task.exception():
            print(f"Error: {task.exception()!r}", flush=True)
            os._exit(1)  # systemd starts the daemon again, which adopts what runs
