"""What one node knows of another."""

from __future__ import annotations

import time

from ansible.module_utils.weights import pieces
from ansible.module_utils.weights.peer_protocol import TIMEOUT, Client, PeerError

DEAD = 10.0  # seconds without an answer until a peer counts as gone
WORD = 4.0  # seconds that a word to a peer may take: who asks it fetches nothing meanwhile


class Peer:
    """What is known of another node."""

    def __init__(self, spec):
        self.name, self.address, self.port = spec["name"], spec["address"], spec["port"]
        self.seen = 0.0
        self.verified, self.partial, self.fetching, self.failed, self.resting = 0, {}, set(), {}, {}
        self.done, self.error = False, ""
        self.spared = 0.0  # until when no pieces are asked of it
        self.left, self.version = False, -1

    def client(self, options, timeout=TIMEOUT):
        """Return a new connection to it."""
        own = next(p["address"] for p in options["peers"] if p["name"] == options["node"])
        return Client(self.address, self.port, options["token"], options["run"], own, timeout)

    def take(self, state):
        """Take what it says of itself; return whether that is new."""
        self.seen, self.left = time.monotonic(), False
        if state["version"] == self.version:
            return False
        self.version = state["version"]
        self.verified = int(state["verified"], 16)
        self.partial = {int(n): int(bits, 16) for n, bits in state["partial"].items()}
        self.fetching = set(state["fetching"])
        self.failed = {int(n): why for n, why in state["failed"].items()}
        self.resting = {int(n): why for n, why in state["resting"].items()}
        self.done, self.error = state["done"], state["error"]
        return True

    def silent(self, error):
        """Take note that it did not answer; a closed port says that its process has ended."""
        self.left = bool(self.seen) and isinstance(error.__cause__, ConnectionRefusedError)

    def alive(self, now):
        """Say whether it answered lately and goes on."""
        return bool(self.seen) and now - self.seen < DEAD and not self.error and not self.left

    def usable(self, now):
        """Say whether pieces may be asked of it."""
        return self.alive(now) and now >= self.spared

    def allows(self, options, number):
        """Ask it for one of its files; False as well when it does not answer."""
        return self.tell(options, f"take/{number}")

    def tell(self, options, what):
        """Send it a word; return whether it agreed."""
        client = self.client(options, WORD)
        try:
            return client.tell(what, options["node"])
        except PeerError:
            return False
        finally:
            client.close()

    def rest(self):
        """Ask elsewhere for a moment."""
        self.spared = time.monotonic() + 0.5

    def bits(self, number, size, only_proved):
        """Return the pieces of a file that it has."""
        if self.verified >> number & 1:
            return pieces.all_pieces(size)
        return 0 if only_proved else self.partial.get(number, 0)

    def view(self, now):
        """Return it as scheduling.py takes it."""
        return {
            "verified": self.verified,
            "partial": self.partial,
            "fetching": self.fetching,
            "failed": self.failed,
            "resting": self.resting,
            "alive": self.alive(now),
        }

    def needs(self, now, until):
        """Say whether it may still want something of us; one that never answered is awaited `until` then."""
        if self.done or self.error or self.left:
            return False
        if not self.seen:
            return now < until
        return now - self.seen < DEAD * 3
