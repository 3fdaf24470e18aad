"""Downloads over the WAN: a node's share, and files that others have not started or cannot fetch."""

from __future__ import annotations

import time
from collections import defaultdict

from ansible.module_utils.messages import N_, Message, joined
from ansible.module_utils.weights import scheduling
from ansible.module_utils.weights.sink import Bucket, Sink
from ansible.module_utils.weights.sources.source import SourceError, StoppedError
from ansible.module_utils.weights.sources.specs import make_source, pinned, with_tokens
from ansible.module_utils.weights.store import disk_message

UNRESPONSIVE_DELAY = 15.0  # seconds that a node leaves a file to others when none of its sources responds
BACKOFF = 2.0  # seconds before the second round, doubled for each further one


class Wan:
    """Fetches files for a `Swarm` from the sources, in their order."""

    def __init__(self, swarm, options):
        """`options`: the module's parameters, see weights_pull."""
        self.swarm = swarm
        self.plan = scheduling.assign(swarm.store.sizes, swarm.order)
        specs = pinned(with_tokens(options), options["about"])
        self.sources = [make_source(spec, options["stall"], options["min_rate"]) for spec in specs]
        self.rate_limit = scheduling.rate_share(options["rate_limit"], len(swarm.order))  # bytes a second
        self.limit = Bucket(self.rate_limit)
        self.requesting = set()  # files of other nodes that this one requests: peers must not see them as started
        self.bytes, self.by_source = 0, defaultdict(int)
        self.span = None  # time of the (first, last) received bytes

    def count(self, number, source):
        """Count bytes received from a source; return once the rate limit allows more."""
        swarm = self.swarm
        with swarm.lock:
            self.bytes += number
            self.by_source[source.title] += number
            swarm.last_byte_at = now = time.monotonic()
            self.span = (self.span[0] if self.span else now, now)
        self.limit.take(number)

    def seconds(self):
        """Return the seconds between the first and the last bytes."""
        return self.span[1] - self.span[0] if self.span else 0.0

    def run(self):
        """Fetch files while there are any for this node; runs in several threads at once."""
        swarm = self.swarm
        started = time.monotonic()
        while not swarm.stopping.is_set() and not swarm.store.all_verified and not swarm.error:
            unseen = [p for p in swarm.peers.values() if not p.seen]
            if unseen and time.monotonic() - started < swarm.options["startup_wait"]:
                time.sleep(0.1)
                continue
            with swarm.lock:
                mine = swarm.mine()
                mine["fetching"] |= dict.fromkeys(self.requesting, True)
                chosen = scheduling.next_fetch(swarm.me, self.plan, swarm.store.sizes, mine, swarm.view())
                if chosen:
                    number, owner = chosen
                    if owner == swarm.me:
                        swarm.fetching[number] = True
                    else:
                        self.requesting.add(number)
            if not chosen:
                time.sleep(0.1)
                continue
            try:
                if owner == swarm.me or swarm.peers[owner].allows(swarm.options, number):
                    with swarm.lock:
                        swarm.fetching[number] = True
                    self._fetch(number)
                else:
                    time.sleep(0.1)
            except StoppedError:
                pass
            except OSError as error:
                swarm.fatal(disk_message(swarm.store.file(number), error))
            except Exception as error:  # a bug must not hang the run
                swarm.fatal(f"{swarm.store.names[number]}: {type(error).__name__}: {error}")
            finally:
                with swarm.lock:
                    swarm.fetching.pop(number, None)
                    self.requesting.discard(number)

    def _fetch(self, number):
        """Fetch one file from the first source that has it; record the causes if none has."""
        swarm = self.swarm
        causes, rounds = {}, swarm.options["rounds"]
        for turn in range(rounds):
            wait, unresponsive = BACKOFF * 2**turn, True
            for source in self.sources:
                try:
                    source.fetch(Sink(self, number, source))
                    if swarm.verify(number):
                        return
                    raise SourceError(Message("", N_("its content does not match the manifest")))
                except SourceError as error:
                    causes[source.title] = error.reason
                    wait = max(wait, error.retry_after)
                    unresponsive = unresponsive and error.unresponsive
                    about = {"file": swarm.store.names[number], "source": source.title, "reason": error.reason}
                    swarm.note(Message("", N_("{file}: {source}: {reason}"), **about))
            if turn + 1 < rounds and swarm.stopping.wait(min(wait, 60)):
                raise StoppedError
        why = joined([Message("", N_("{source}: {reason}"), source=s, reason=r) for s, r in causes.items()])
        with swarm.lock:
            if unresponsive:  # the WAN may recover, or another node may still have access
                swarm.backing_off[number] = (why, time.monotonic() + UNRESPONSIVE_DELAY)
            else:
                swarm.failed[number] = why
