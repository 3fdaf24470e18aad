"""One node's part in bringing a model to all nodes: it fetches its share over the WAN and the rest from its peers."""

from __future__ import annotations

import random
import threading
import time
from collections import defaultdict

from ansible.module_utils.weights import decide, pieces
from ansible.module_utils.weights.peer import DEAD, Peer
from ansible.module_utils.weights.peers import PeerError, Server, WriteError
from ansible.module_utils.weights.sink import Bucket, Sink
from ansible.module_utils.weights.sources.source import SourceError, StoppedError
from ansible.module_utils.weights.sources.specs import make_source, pinned, with_tokens
from ansible.module_utils.weights.store import disk_message

REST = 15.0  # seconds that a node leaves a file to others when none of its sources answers
BACKOFF = 2.0  # seconds before the second round, doubled for each further one


class PullError(Exception):
    """This node cannot finish; the message says which file, why, and what to do."""


class Swarm:
    """Runs until this node has everything and nobody who is expected to need it is without."""

    def __init__(self, store, options):
        """`options`: the module's parameters, see weights_pull."""
        self.store, self.options = store, options
        self.me, self.order = options["node"], list(options["wan_nodes"])
        self.plan = decide.assign(store.sizes, self.order)
        specs = pinned(with_tokens(options), options["about"])
        self.sources = [make_source(spec, options["stall"], options["min_rate"]) for spec in specs]
        self.rate_limit = decide.shares(options["rate_limit"], len(self.order))
        self.peers = {p["name"]: Peer(p) for p in options["peers"] if p["name"] != self.me}
        self.fetching, self.failed, self.given = {}, {}, {}
        self.resting = {}  # file -> (what its silent sources said, when to ask them again)
        self.asking = set()  # files of other nodes that this one would like to fetch: peers must not see them as begun
        self.inflight = defaultdict(int)  # file -> bits on their way from peers
        self.busy = defaultdict(int)  # peer -> pieces on their way from it
        self.distrusted = set()  # files that came wrong: only from who has proved them
        self.received, self.by_peer, self.by_source = 0, defaultdict(int), defaultdict(int)
        self.wan, self.wan_time = 0, None  # bytes, and (first, last) second that brought any
        self.error, self.done = "", False
        self.events = []
        self.stopping = threading.Event()
        self.moved = time.monotonic()
        self.lock = threading.RLock()
        self.news = threading.Condition()  # a peer has something new, or a piece has ended
        self.random = random.Random()
        self.checking = set()
        self.limit = Bucket(self.rate_limit)
        self.server = None

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
        """Return the peers as decide.py takes them."""
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
                raise PullError(
                    f"Port {me['port']} of {me['address']} cannot be used to give weights to the other nodes:"
                    f" {error.strerror}. Set model_weights_port to a free one."
                ) from error
            self.server.start()
        threads = [threading.Thread(target=self._poll, args=(peer,), daemon=True) for peer in self.peers.values()]
        threads += [threading.Thread(target=self._pull, daemon=True) for _ in range(min(16, 2 * len(self.peers)))]
        if self.me in self.order:
            threads += [threading.Thread(target=self._fetch_all, daemon=True) for _ in range(options["workers"])]
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
            late = now - begun < self.options["settle"] and any(
                not p.seen for p in self.peers.values()
            )  # whom it could not tell
            if not late and not any(
                p.verified != everything and p.needs(now, begun + 3 * self.options["settle"]) for p in waiting
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
                self._prove(number)

    def _watch(self):
        if self.error:
            raise PullError(self.error)
        silent = time.monotonic() - self.moved
        if silent < 2:
            return
        with self.lock:
            mine = self._mine()
        peers = self.view()
        if any(not p.seen for p in self.peers.values()) and silent < self.options["settle"] + DEAD:
            return
        for number, name in enumerate(self.store.names):
            if self.store.verified >> number & 1 or number in self.checking:
                continue
            patience = self.options["patience"]
            why = decide.verdict(number, name, mine, peers, self.order, silent, patience)
            if why:
                gone = [n for n, p in peers.items() if not p["alive"]]
                heard = f" {', '.join(gone)} did not answer: look there first." if gone else ""
                raise PullError(
                    f"{why}.{heard} Mend that, or name another source in model_weights_sources, and run it again:"
                    " it goes on where it stopped."
                )

    def _resting(self):
        now = time.monotonic()
        return {number: why for number, (why, until) in self.resting.items() if until > now}

    def _mine(self):
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
            may = node in self.peers and decide.may_take(number, node, self._mine(), self.view())
            if may:
                self.given[number] = node
            return may

    def note(self, text):
        """Remember something that the report should tell."""
        with self.lock:
            if text not in self.events:
                self.events.append(text)

    def _fatal(self, error):
        with self.lock:
            self.error = self.error or str(error)
        with self.store.changed:
            self.store.changed.notify_all()

    # --- over the WAN -----------------------------------------------------------------------------------

    def _fetch_all(self):
        begun = time.monotonic()
        while not self.stopping.is_set() and not self.store.whole and not self.error:
            unseen = [p for p in self.peers.values() if not p.seen]
            if unseen and time.monotonic() - begun < self.options["settle"]:
                time.sleep(0.1)
                continue
            with self.lock:
                mine = self._mine()
                mine["fetching"] |= dict.fromkeys(self.asking, True)
                chosen = decide.next_fetch(self.me, self.plan, self.store.sizes, mine, self.view())
                if chosen:
                    number, owner = chosen
                    if owner == self.me:
                        self.fetching[number] = True
                    else:
                        self.asking.add(number)
            if not chosen:
                time.sleep(0.1)
                continue
            try:
                if owner == self.me or self.peers[owner].allows(self.options, number):
                    with self.lock:
                        self.fetching[number] = True
                    self._fetch(number)
                else:
                    time.sleep(0.1)
            except StoppedError:
                pass
            except OSError as error:
                self._fatal(disk_message(self.store.file(number), error))
            except Exception as error:  # a bug of ours must not hang the run
                self._fatal(f"{self.store.names[number]}: {type(error).__name__}: {error}")
            finally:
                with self.lock:
                    self.fetching.pop(number, None)
                    self.asking.discard(number)

    def _fetch(self, number):
        """Fetch one file from the first source that gives it; remember why where none does."""
        causes, rounds = {}, self.options["rounds"]
        for turn in range(rounds):
            wait, silent = BACKOFF * 2**turn, True
            for source in self.sources:
                try:
                    source.fetch(Sink(self, number, source))
                    if self._prove(number):
                        return
                    raise SourceError("its content is not what the manifest says")
                except SourceError as error:
                    causes[source.title] = str(error)
                    wait, silent = max(wait, error.retry_after), silent and error.silent
                    self.note(f"{self.store.names[number]}: {source.title}: {error}")
            if turn + 1 < rounds and self.stopping.wait(min(wait, 60)):
                raise StoppedError
        why = "; ".join(f"{title}: {said}" for title, said in causes.items())
        with self.lock:
            if silent:  # a WAN that is gone may come back; another node may still have one
                self.resting[number] = (why, time.monotonic() + REST)
            else:
                self.failed[number] = why

    def _prove(self, number):
        with self.lock:
            if self.store.verified >> number & 1:
                return True
            if number in self.checking:
                return True  # someone is at it
            self.checking.add(number)
        try:
            good = self.store.finish(number)
        except OSError as error:
            self._fatal(disk_message(self.store.file(number), error))
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

    # --- from peers -------------------------------------------------------------------------------------

    def _poll(self, peer):
        client = peer.client(self.options)
        while not self.stopping.is_set():
            try:
                if peer.take(client.state(peer.version)):
                    with self.news:
                        self.news.notify(2)  # whoever finds something wakes the next one
            except PeerError as error:
                peer.silent(error)
            except Exception as error:  # a bug of ours must not hang the run
                self._fatal(f"{peer.name}: {type(error).__name__}: {error}")
            if self.stopping.wait(self.options["poll"] if not self.done else 0.5):
                break
        client.close()

    def _pull(self):
        clients = {}
        while not self.stopping.is_set() and not self.store.whole and not self.error:
            chosen = self._choose()
            if chosen is None:
                with self.news:
                    self.news.wait(1)
                continue
            with self.news:
                self.news.notify()
            node, number, piece = chosen
            peer, bit = self.peers[node], 1 << piece
            try:
                client = clients.setdefault(node, peer.client(self.options))
                size = client.piece(self.store, number, piece)
                with self.lock:
                    self.received += size
                    self.by_peer[node] += size
                    self.moved = time.monotonic()
                self.store.arrived(number, bit)
                if self.store.is_complete(number) and number not in self.fetching:
                    self._prove(number)
            except PeerError:
                peer.rest()
            except WriteError as error:
                self._fatal(disk_message(self.store.file(number), error.args[0]))
            except OSError as error:
                self._fatal(disk_message(self.store.file(number), error))
            except Exception as error:  # as above
                self._fatal(f"{self.store.names[number]}: {type(error).__name__}: {error}")
            finally:
                with self.lock:
                    self.inflight[number] &= ~bit
                    self.busy[node] -= 1
        for client in clients.values():
            client.close()

    def _choose(self):
        now = time.monotonic()
        with self.lock:
            wanted = {}
            for number, have in enumerate(self.store.have):
                if self.store.verified >> number & 1 or number in self.fetching or number in self.checking:
                    continue
                bits = pieces.all_pieces(self.store.sizes[number]) & ~have & ~self.inflight[number]
                if bits:
                    wanted[number] = bits
            if not wanted:
                return None
            holders = {
                name: (lambda n, peer=peer: peer.bits(n, self.store.sizes[n], n in self.distrusted))
                for name, peer in self.peers.items()
                if peer.usable(now)
            }
            chosen = decide.choose_piece(wanted, holders, self.busy, self.random)
            if chosen:
                self.inflight[chosen[1]] |= 1 << chosen[2]
                self.busy[chosen[0]] += 1
            return chosen

    # --- what the controller is told ----------------------------------------------------------------------

    def progress(self):
        """Return numbers for people."""
        with self.lock:
            return {
                "done": self.store.bytes_there(),
                "total": sum(self.store.sizes),
                "files": bin(self.store.verified).count("1"),
                "files_total": len(self.store.names),
                "wan": self.wan,
                "wan_seconds": self.wan_time[1] - self.wan_time[0] if self.wan_time else 0.0,
                "lan": self.received,
                "sent": self.server.sent if self.server else 0,
                "by_peer": dict(self.by_peer),
                "by_source": dict(self.by_source),
                "events": list(self.events),
            }
