"""Destination of one file from a source, and the rate limit."""

from __future__ import annotations

import os
import threading
import time

from ansible.module_utils.weights import pieces, scheduling
from ansible.module_utils.weights.sources.source import StoppedError
from ansible.module_utils.weights.store import WORK


class Sink:
    """Destination of one file from a source."""

    def __init__(self, wan, number, source):
        self.wan, self.swarm, self.number, self.source = wan, wan.swarm, number, source
        self.name, self.size = self.swarm.store.names[number], self.swarm.store.sizes[number]
        self.rate_limit = wan.rate_limit
        self._begin = self._end = 0

    def gaps(self):
        """Return the missing ranges as (begin, end) in bytes."""
        return pieces.runs(self.size, self.swarm.store.have[self.number])

    def check(self):
        """Raise StoppedError if this node should stop fetching the file."""
        swarm = self.swarm
        if swarm.stopping.is_set() or swarm.error:
            raise StoppedError
        if scheduling.must_yield(swarm.me, self.number, swarm.order, swarm.view()):
            raise StoppedError

    def count(self, number):
        """Count bytes received over the WAN."""
        if number:
            self.wan.count(number, self.source)

    def write(self, offset, block):
        """Store bytes; completed pieces become available to the peers at once."""
        swarm = self.swarm
        swarm.store.write(self.number, offset, block)
        if offset != self._end:
            self._begin = offset
        self._end = offset + len(block)
        bits = pieces.covered(self.size, self._begin, self._end) & ~swarm.store.have[self.number]
        if bits:
            swarm.store.arrived(self.number, bits)
            swarm.last_byte_at = time.monotonic()
            self.check()

    def work_folder(self):
        """Return a working folder for a program that downloads the complete file; it persists between attempts."""
        folder = os.path.join(self.swarm.store.staging, f"{WORK}-{self.source.spec['type']}-{self.number}")
        os.makedirs(os.path.join(folder, os.path.dirname(self.name)), exist_ok=True)
        return folder

    def adopt(self, path):
        """Move a complete file into the store."""
        self.swarm.store.replace(self.number, path)


class Bucket:
    """Rate limiter: `take` returns once the rate allows the bytes."""

    def __init__(self, rate):
        self.rate, self.due, self.lock = rate, time.monotonic(), threading.Lock()

    def take(self, number):
        """Count bytes, and wait until they are due."""
        if not self.rate:
            return
        with self.lock:
            self.due = max(self.due, time.monotonic() - 0.5) + number / self.rate
            wait = self.due - time.monotonic()
        if wait > 0:
            time.sleep(wait)
