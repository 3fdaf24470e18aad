"""Requests to the engine: its metrics at each look, and completions of one token when `health` wants them."""

from __future__ import annotations

import asyncio
import json

from inferfleet_supervisor.exchange import FAILURES, request
from inferfleet_supervisor.health import Health, look, total
from inferfleet_supervisor.model import Reason
from inferfleet_supervisor.settings import Probe

_METRICS_SECONDS = 3.0
_WITHOUT_METRICS = 10
"""Without counters, a completion that waits behind long answers looks like a hang: it may wait so many times longer."""


class Engine:
    """An engine in one generation, and what was seen of it."""

    def __init__(self, probe: Probe, hang: float, idle: float, answered: bool = False) -> None:
        self.probe, self.bound, self.idle = probe, hang, idle
        self.health = Health(answered=answered)
        self.completion: asyncio.Task[int] | None = None
        self.metrics: asyncio.Task[tuple[float | None, float]] | None = None

    @property
    def hang(self) -> float:
        """Return the seconds without progress after which the engine hangs."""
        return self.bound if self.health.counters is not None else self.bound * _WITHOUT_METRICS

    @property
    def answers(self) -> bool:
        """Return whether a completion was answered."""
        return self.health.answered

    def fault(self) -> Reason | None:
        """Return why the engine is unhealthy; None if it is healthy."""
        return self.health.fault(self.hang)

    async def look(self, seconds: float) -> None:
        """Inspect the engine after some seconds. Waits for no answer, so that a hang lengthens no interval."""
        counters, running = None, self.health.running
        if self.metrics is not None and self.metrics.done():
            counters, running = self.metrics.result()
            self.metrics = None
        if self.metrics is None:
            self.metrics = asyncio.ensure_future(self._metrics())
        finished = self.completion is not None and self.completion.done()
        status = self.completion.result() if self.completion and finished else None
        under_way = self.completion is not None and not finished
        self.health = look(self.health, seconds, counters, running, under_way, status)
        stuck = not self.health.answered and self.health.sent >= self.bound  # it waits for ranks that never join
        if finished or (under_way and (stuck or self.health.is_abandoned(self.hang))):
            self._end_completion()
        if self.completion is None and self.health.wants_completion(self.idle):
            self.completion = asyncio.ensure_future(self._complete())

    def stop(self) -> None:
        """Stop waiting for answers."""
        self._end_completion()
        if self.metrics is not None:
            self.metrics.cancel()
        self.metrics = None

    def _end_completion(self) -> None:
        if self.completion is not None:
            self.completion.cancel()
        self.completion = None

    async def _metrics(self) -> tuple[float | None, float]:
        probe = self.probe
        if not probe.progress:
            return None, 0.0
        try:
            sent = request(probe.address, probe.port, "GET", probe.metrics_path, headers=probe.headers())
            answer = await asyncio.wait_for(sent, _METRICS_SECONDS)
        except FAILURES:
            return None, self.health.running
        text = answer.body.decode(errors="replace")
        waiting = total(text, [probe.waiting]) if probe.waiting else None
        running = total(text, [probe.running]) if probe.running else None
        return total(text, probe.progress), (running or 0.0) + (waiting or 0.0)

    async def _complete(self) -> int:
        """Return the status of the answer to a completion; 0 if there is no connection."""
        probe = self.probe
        body = {"model": probe.model, "messages": [{"role": "user", "content": "1"}], "max_tokens": 1}
        try:
            encoded = json.dumps(body).encode()
            answer = await request(probe.address, probe.port, "POST", probe.path, encoded, probe.headers())
        except FAILURES:
            return 0
        return answer.status
