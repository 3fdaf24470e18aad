"""Distribution of a model, one node's part: it fetches its share over the WAN and the rest from its peers."""

from __future__ import annotations

import threading
import time

from ansible.module_utils.messages import N_, Message, os_reason
from ansible.module_utils.weights import scheduling
from ansible.module_utils.weights.exchange import Exchange
from ansible.module_utils.weights.peer import PEER_TIMEOUT, Peer
from ansible.module_utils.weights.peer_protocol import Server
from ansible.module_utils.weights.store import disk_message
from ansible.module_utils.weights.wan import Wan


class PullError(Exception):
    """This node cannot complete the model; `message` names the file, the reason and the remedy."""

    def __init__(self, message):
        super().__init__(str(message))
        self.message = message


class Swarm:
    """Runs until this node and all nodes that expect files from it are complete."""

    def __init__(self, store, options):
        """`options`: the module's parameters, see weights_pull."""
        self.store, self.options = store, options
        self.me, self.order = options["node"], list(options["wan_nodes"])
        self.peers = {p["name"]: Peer(p) for p in options["peers"] if p["name"] != self.me}
        self.fetching, self.failed, self.handed_over = {}, {}, {}
        self.backing_off = {}  # file -> (message on its unresponsive sources, time of the next attempt)
        self.distrusted = set()  # files that arrived damaged: fetched only from peers that have verified them
        self.error, self.done = "", False
        self.reason = None  # the message of `error`
        self.events = []
        self.stopping = threading.Event()
        self.last_byte_at = time.monotonic()
        self.lock = threading.RLock()
        self.checking = set()
        self.server = None
        self.wan, self.exchange = Wan(self, options), Exchange(self)

    # --- state for the peers ----------------------------------------------------------------------------

    def state(self, known=-1):
        """Return this node's state; the version only if that is `known`."""
        store = self.store
        with self.lock:
            backing_off = self._backing_off()
            moving = (*map(tuple, (self.fetching, self.failed, backing_off, self.distrusted)), self.done, self.error)
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
                "failed": {str(n): why.as_dict() for n, why in self.failed.items()},
                "backing_off": {str(n): why.as_dict() for n, why in backing_off.items()},
                "done": self.done,
                "error": self.error,
            }

    def view(self):
        """Return the peers in the form that scheduling.py expects."""
        now = time.monotonic()
        return {name: peer.view(now) for name, peer in self.peers.items()}

    # --- the run ----------------------------------------------------------------------------------------

    def run(self):
        """Fetch everything; return once all files are verified. Raises PullError."""
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
                    "Port {port} of {address} cannot be used to send weights to the other nodes: {reason}."
                    " Set model_weights_port to an unused port."
                )
                values = {"port": me["port"], "address": me["address"], "reason": os_reason(error)}
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
            while not self.store.all_verified:
                self._verify_complete_files()
                self._watch()
                with self.store.changed:
                    self.store.changed.wait(0.5)
        except BaseException as error:
            self.error = self.error or str(error)
            raise
        finally:
            self.store.save(force=True)
        self.done = True

    def seed(self):
        """Seed until each peer has everything or has left."""
        started = time.monotonic()
        while True:
            now = time.monotonic()
            everything = (1 << len(self.store.names)) - 1
            waiting = [p for p in self.peers.values() if p.name in self.options["expected"]]
            late = now - started < self.options["startup_wait"] and any(
                not p.seen for p in self.peers.values()
            )  # which it could not notify
            if not late and not any(
                p.verified != everything and p.needs(now, started + 3 * self.options["startup_wait"]) for p in waiting
            ):
                for peer in self.peers.values():
                    peer.notify(self.options, "done")  # otherwise they would wait for this node
                return
            time.sleep(0.1)

    def on_completed(self, node):
        """Record that a peer has everything and leaves."""
        if node in self.peers:
            self.peers[node].done = True

    def stop(self):
        """End all threads and close the port."""
        self.stopping.set()
        if self.server:
            self.server.shutdown()
            self.server.server_close()
        self.store.close()

    def _verify_complete_files(self):
        """Verify files completed by an earlier run, or partly from the WAN and partly from peers."""
        for number in range(len(self.store.names)):
            unverified = self.store.is_complete(number) and not self.store.verified >> number & 1
            if unverified and number not in self.fetching:
                self.verify(number)

    def _watch(self):
        if self.error:
            raise PullError(self.reason or Message("", self.error))
        idle = time.monotonic() - self.last_byte_at
        if idle < 2:
            return
        with self.lock:
            mine = self.mine()
        peers = self.view()
        if any(not p.seen for p in self.peers.values()) and idle < self.options["startup_wait"] + PEER_TIMEOUT:
            return
        for number, name in enumerate(self.store.names):
            if self.store.verified >> number & 1 or number in self.checking:
                continue
            patience = self.options["patience"]
            why = scheduling.failure_reason(number, name, mine, peers, self.order, idle, patience)
            if why:
                gone = [n for n, p in peers.items() if not p["alive"]]
                template = N_(
                    "{reason}. Fix this, or add another source to model_weights_sources, and run the playbook again:"
                    " the download resumes where it stopped."
                )
                with_nodes = N_(
                    "{reason}. {nodes} did not respond: check these nodes first. Fix this, or add another source to"
                    " model_weights_sources, and run the playbook again: the download resumes where it stopped."
                )
                raise PullError(Message("weights-failed", with_nodes if gone else template, reason=why, nodes=gone))

    def _backing_off(self):
        now = time.monotonic()
        return {number: why for number, (why, until) in self.backing_off.items() if until > now}

    def mine(self):
        """Return this node's state in the form that scheduling.py expects."""
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
            "backing_off": self._backing_off(),
            "handed_over": dict(self.handed_over),
        }

    def allow(self, number, node):
        """Hand a file of this node over to another node, if possible; return whether it may fetch it."""
        with self.lock:
            may = node in self.peers and scheduling.may_take(number, node, self.mine(), self.view())
            if may:
                self.handed_over[number] = node
            return may

    def note(self, event):
        """Record an event, a message, for the report."""
        with self.lock:
            if (form := event.as_dict()) not in self.events:
                self.events.append(form)

    def fatal(self, error):
        """End the run with this error (a message or a string), unless there is an earlier one."""
        with self.lock:
            if not self.error:
                self.error, self.reason = str(error), error if isinstance(error, Message) else None
        with self.store.changed:
            self.store.changed.notify_all()

    def verify(self, number):
        """Check the hash of a complete file; return whether it matches the manifest."""
        with self.lock:
            if self.store.verified >> number & 1:
                return True
            if number in self.checking:
                return True  # another thread is verifying it
            self.checking.add(number)
        try:
            good = self.store.verify(number)
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
                damaged = N_("{file}: arrived damaged and was fetched again")
                self.note(Message("", damaged, file=self.store.names[number]))
        self.last_byte_at = time.monotonic()
        return good

    # --- progress for the controller ----------------------------------------------------------------------

    def progress(self):
        """Return the progress and the traffic of the run."""
        with self.lock:
            return {
                "done": self.store.bytes_present(),
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
