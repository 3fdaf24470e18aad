"""Where a source puts one file, and how fast it may."""

from __future__ import annotations

import os
import threading
import time

from ansible.module_utils.weights import pieces, scheduling
from ansible.module_utils.weights.sources.source import StoppedError


class Sink:
    """Where a source puts one file."""

    def __init__(self, wan, number, source):
        self.wan, self.swarm, self.number, self.source = wan, wan.swarm, number, source
        self.name, self.size = self.swarm.store.names[number], self.swarm.store.sizes[number]
        self.rate_limit = wan.rate_limit
        self._begin = self._end = 0

    def gaps(self):
        """Return what is missing, as (begin, end) in bytes."""
        return pieces.runs(self.size, self.swarm.store.have[self.number])

    def check(self):
        """Raise StoppedError when this node should not go on with the file."""
        swarm = self.swarm
        if swarm.stopping.is_set() or swarm.error:
            raise StoppedError
        if scheduling.must_yield(swarm.me, self.number, swarm.order, swarm.view()):
            raise StoppedError

    def count(self, number):
        """Take note of bytes that came over the WAN."""
        if number:
            self.wan.count(number, self.source)

    def write(self, offset, block):
        """Store bytes; pieces that became whole are there for the peers at once."""
        swarm = self.swarm
        swarm.store.write(self.number, offset, block)
        if offset != self._end:
            self._begin = offset
        self._end = offset + len(block)
        bits = pieces.covered(self.size, self._begin, self._end) & ~swarm.store.have[self.number]
        if bits:
            swarm.store.arrived(self.number, bits)
            swarm.moved = time.monotonic()
            self.check()

    def workplace(self):
        """Return a folder for a program that brings the file whole; what it left behind earlier is still there."""
        place = os.path.join(self.swarm.store.staging, f".inferfleet-work-{self.source.spec['type']}-{self.number}")
        os.makedirs(os.path.join(place, os.path.dirname(self.name)), exist_ok=True)
        return place

    def adopt(self, path):
        """Take a whole file."""
        self.swarm.store.replace(self.number, path)


class Bucket:
    """Holds a rate: `take` returns once the bytes may have come."""

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
