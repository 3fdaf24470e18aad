"""One node's part in bringing a model to all nodes: it fetches its share over the WAN and the rest from its peers."""

from __future__ import annotations

import threading
import time

from ansible.module_utils.messages import N_, Message
from ansible.module_utils.weights import scheduling
from ansible.module_utils.weights.exchange import Exchange
from ansible.module_utils.weights.peer import DEAD, Peer
from ansible.module_utils.weights.peer_protocol import Server
from ansible.module_utils.weights.store import disk_message
from ansible.module_utils.weights.wan import Wan


class PullError(Exception):
    """This node cannot finish; `message` is which file, why, and what to do."""

    def __init__(self, message):
        super().__init__(str(message))
        self.message = message


class Swarm:
    """Runs until this node has everything and nobody who is expected to need it is without."""

    def __init__(self, store, options):
        """`options`: the module's parameters, see weights_pull."""
        self.store, self.options = store, options
        self.me, self.order = options["node"], list(options["wan_nodes"])
        self.peers = {p["name"]: Peer(p) for p in options["peers"] if p["name"] != self.me}
        self.fetching, self.failed, self.given = {}, {}, {}
        self.resting = {}  # file -> (what its silent sources said, when to ask them again)
        self.distrusted = set()  # files that came wrong: only from who has proved them
        self.error, self.done = "", False
        self.reason = None  # the message of `error`
        self.events = []
        self.stopping = threading.Event()
        self.moved = time.monotonic()
        self.lock = threading.RLock()
        self.checking = set()
        self.server = None
        self.wan, self.exchange = Wan(self, options), Exchange(self)

    # --- what peers see ---------------------------------------------------------------------------------

    def state(self, known=-1):
        """Return what this node says of itself; no more than its version to who knows that one."""
        store = self.store
        with self.lock:
            resting = self._resting()
            moving = (*map(tuple, (self.fetching, self.failed, resting, self.distrusted)), self.done, self.error)
            version = hash((store.verified, tuple(store.have), moving))
            if version == known:
                return {"version": version}
            partial = {
                str(n): f"{bits:x}"
                for n, bits in enumerate(store.have)
                if bits and not store.verified >> n & 1 and n not in self.distrusted
            }
            return {
                "version": version,
                "verified": f"{store.verified:x}",
                "partial": partial,
                "fetching": sorted(self.fetching),
                "failed": {str(n): why for n, why in self.failed.items()},
                "resting": {str(n): why for n, why in resting.items()},
                "done": self.done,
                "error": self.error,
            }

    def view(self):
        """Return the peers as scheduling.py takes them."""
        now = time.monotonic()
        return {name: peer.view(now) for name, peer in self.peers.items()}

    # --- the run ----------------------------------------------------------------------------------------

    def run(self):
        """Bring everything here; returns once it is all proved. Raises PullError."""
        options = self.options
        addresses = [p["address"] for p in options["peers"]]
        if self.peers:
            me = next(p for p in options["peers"] if p["name"] == self.me)
            try:
                self.server = Server(
                    me["address"], me["port"], options["token"], options["run"], addresses, self.store, self
                )
            except OSError as error:
                template = N_(
                    "Port {port} of {address} cannot be used to give weights to the other nodes: {reason}."
                    " Set model_weights_port to a free one."
                )
                values = {"port": me["port"], "address": me["address"], "reason": error.strerror}
                raise PullError(Message("port-unusable", template, **values)) from error
            self.server.start()
        work: list[tuple] = [(self.exchange.poll, peer) for peer in self.peers.values()]
        work += [(self.exchange.pull,)] * min(16, 2 * len(self.peers))
        if self.me in self.order:
            work += [(self.wan.run,)] * options["workers"]
        threads = [threading.Thread(target=target, args=args, daemon=True) for target, *args in work]
        try:
            for thread in threads:
                thread.start()
            while not self.store.whole:
                self._prove_what_is_complete()
                self._watch()
                with self.store.changed:
                    self.store.changed.wait(0.5)
        except BaseException as error:
            self.error = self.error or str(error)
            raise
        finally:
            self.store.save(force=True)
        self.done = True

    def linger(self):
        """Go on giving to peers until each of them has everything or is gone."""
        begun = time.monotonic()
        while True:
            now = time.monotonic()
            everything = (1 << len(self.store.names)) - 1
            waiting = [p for p in self.peers.values() if p.name in self.options["expected"]]
            late = now - begun < self.options["startup_wait"] and any(
                not p.seen for p in self.peers.values()
            )  # whom it could not tell
            if not late and not any(
                p.verified != everything and p.needs(now, begun + 3 * self.options["startup_wait"]) for p in waiting
            ):
                for peer in self.peers.values():
                    peer.tell(self.options, "done")  # else they would wait for this node
                return
            time.sleep(0.1)

    def hear(self, node):
        """Take note that a peer has everything and leaves."""
        if node in self.peers:
            self.peers[node].done = True

    def stop(self):
        """End all threads and close the port."""
        self.stopping.set()
        if self.server:
            self.server.shutdown()
            self.server.server_close()
        self.store.close()

    def _prove_what_is_complete(self):
        """Prove what an earlier run left complete, or what came half from the WAN and half from peers."""
        for number in range(len(self.store.names)):
            unproved = self.store.is_complete(number) and not self.store.verified >> number & 1
            if unproved and number not in self.fetching:
                self.prove(number)

    def _watch(self):
        if self.error:
            raise PullError(self.reason or Message("", self.error))
        silent = time.monotonic() - self.moved
        if silent < 2:
            return
        with self.lock:
            mine = self.mine()
        peers = self.view()
        if any(not p.seen for p in self.peers.values()) and silent < self.options["startup_wait"] + DEAD:
            return
        for number, name in enumerate(self.store.names):
            if self.store.verified >> number & 1 or number in self.checking:
                continue
            patience = self.options["patience"]
            why = scheduling.verdict(number, name, mine, peers, self.order, silent, patience)
            if why:
                gone = [n for n, p in peers.items() if not p["alive"]]
                template = N_(
                    "{reason}. Repair that, or name another source in model_weights_sources, and run it again: it goes"
                    " on where it stopped."
                )
                with_nodes = N_(
                    "{reason}. {nodes} did not answer: look there first. Repair that, or name another source in"
                    " model_weights_sources, and run it again: it goes on where it stopped."
                )
                raise PullError(Message("weights-failed", with_nodes if gone else template, reason=why, nodes=gone))

    def _resting(self):
        now = time.monotonic()
        return {number: why for number, (why, until) in self.resting.items() if until > now}

    def mine(self):
        """Return this node as scheduling.py takes it."""
        complete = 0
        for number in range(len(self.store.names)):
            if self.store.is_complete(number):
                complete |= 1 << number
        return {
            "name": self.me,
            "verified": self.store.verified,
            "complete": complete,
            "fetching": dict(self.fetching),
            "failed": dict(self.failed),
            "resting": self._resting(),
            "given": dict(self.given),
        }

    def allow(self, number, node):
        """Let another node fetch a file of ours; return whether it may."""
        with self.lock:
            may = node in self.peers and scheduling.may_take(number, node, self.mine(), self.view())
            if may:
                self.given[number] = node
            return may

    def note(self, text):
        """Remember something that the report should tell."""
        with self.lock:
            if text not in self.events:
                self.events.append(text)

    def fatal(self, error):
        """End the run with this error, a message or a string, unless one came before."""
        with self.lock:
            if not self.error:
                self.error, self.reason = str(error), error if isinstance(error, Message) else None
        with self.store.changed:
            self.store.changed.notify_all()

    def prove(self, number):
        """Prove a file that is complete; return whether its content is what the manifest says."""
        with self.lock:
            if self.store.verified >> number & 1:
                return True
            if number in self.checking:
                return True  # someone is at it
            self.checking.add(number)
        try:
            good = self.store.finish(number)
        except OSError as error:
            self.fatal(disk_message(self.store.file(number), error))
            return True
        finally:
            with self.lock:
                self.checking.discard(number)
        with self.lock:
            if good:
                self.distrusted.discard(number)
                self.failed.pop(number, None)
            else:
                self.distrusted.add(number)
                self.note(f"{self.store.names[number]}: arrived damaged and was fetched again")
        self.moved = time.monotonic()
        return good

    # --- what the controller is told ----------------------------------------------------------------------

    def progress(self):
        """Return numbers for people."""
        with self.lock:
            return {
                "done": self.store.bytes_there(),
                "total": sum(self.store.sizes),
                "files": bin(self.store.verified).count("1"),
                "files_total": len(self.store.names),
                "wan": self.wan.bytes,
                "wan_seconds": self.wan.seconds(),
                "lan": self.exchange.received,
                "sent": self.server.sent if self.server else 0,
                "by_peer": dict(self.exchange.by_peer),
                "by_source": dict(self.wan.by_source),
                "events": list(self.events),
            }
