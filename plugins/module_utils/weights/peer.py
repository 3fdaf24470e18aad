"""State of a peer, as another node knows it."""

from __future__ import annotations

import time

from ansible.module_utils.messages import Message
from ansible.module_utils.weights import pieces
from ansible.module_utils.weights.peer_protocol import TIMEOUT, Client, PeerError

PEER_TIMEOUT = 10.0  # seconds without a response after which a peer counts as dead
NOTIFY_TIMEOUT = 4.0  # seconds that a notification may take: the sender fetches nothing meanwhile


class Peer:
    """The last known state of another node."""

    def __init__(self, spec):
        self.name, self.address, self.port = spec["name"], spec["address"], spec["port"]
        self.seen = 0.0
        self.verified, self.partial, self.fetching, self.failed, self.backing_off = 0, {}, set(), {}, {}
        self.done, self.error = False, ""
        self.backoff_until = 0.0  # no pieces are requested from it before
        self.left, self.version = False, -1

    def client(self, options, timeout=TIMEOUT):
        """Return a new connection to the peer."""
        own = next(p["address"] for p in options["peers"] if p["name"] == options["node"])
        return Client(self.address, self.port, options["token"], options["run"], own, timeout)

    def update(self, state):
        """Store the state that the peer reported; return whether it is new."""
        self.seen, self.left = time.monotonic(), False
        if state["version"] == self.version:
            return False
        self.version = state["version"]
        self.verified = int(state["verified"], 16)
        self.partial = {int(n): int(bits, 16) for n, bits in state["partial"].items()}
        self.fetching = set(state["fetching"])
        self.failed = {int(n): Message.from_dict(why) for n, why in state["failed"].items()}
        self.backing_off = {int(n): Message.from_dict(why) for n, why in state["backing_off"].items()}
        self.done, self.error = state["done"], state["error"]
        return True

    def on_error(self, error):
        """Record a failed request; a refused connection means that the peer's process has ended."""
        self.left = bool(self.seen) and isinstance(error.__cause__, ConnectionRefusedError)

    def alive(self, now):
        """Return whether the peer responded recently and is still running."""
        return bool(self.seen) and now - self.seen < PEER_TIMEOUT and not self.error and not self.left

    def usable(self, now):
        """Return whether pieces may be requested from the peer."""
        return self.alive(now) and now >= self.backoff_until

    def allows(self, options, number):
        """Return whether the peer hands over one of its files; False if it does not respond."""
        return self.notify(options, f"take/{number}")

    def notify(self, options, what):
        """Send a notification; return whether the peer accepted it."""
        client = self.client(options, NOTIFY_TIMEOUT)
        try:
            return client.notify(what, options["node"])
        except PeerError:
            return False
        finally:
            client.close()

    def back_off(self):
        """Request no pieces from the peer for a moment."""
        self.backoff_until = time.monotonic() + 0.5

    def bits(self, number, size, only_verified):
        """Return the bits of the pieces of a file that the peer has."""
        if self.verified >> number & 1:
            return pieces.all_pieces(size)
        return 0 if only_verified else self.partial.get(number, 0)

    def view(self, now):
        """Return the state in the form that scheduling.py expects."""
        return {
            "verified": self.verified,
            "partial": self.partial,
            "fetching": self.fetching,
            "failed": self.failed,
            "backing_off": self.backing_off,
            "alive": self.alive(now),
        }

    def needs(self, now, until):
        """Return whether the peer may still need pieces; one that never responded is awaited `until` then."""
        if self.done or self.error or self.left:
            return False
        if not self.seen:
            return now < until
        return now - self.seen < PEER_TIMEOUT * 3
