"""Exchange of pieces with the other nodes: polls their state and downloads pieces from them."""

from __future__ import annotations

import random
import threading
import time
from collections import defaultdict

from ansible.module_utils.weights import pieces, scheduling
from ansible.module_utils.weights.peer_protocol import Client, PeerError, WriteError
from ansible.module_utils.weights.store import disk_message


class Exchange:
    """Downloads pieces for a `Swarm` from its peers."""

    def __init__(self, swarm):
        self.swarm = swarm
        self.inflight = defaultdict(int)  # file -> bits in flight from peers
        self.busy = defaultdict(int)  # peer -> number of pieces in flight from it
        self.received, self.by_peer = 0, defaultdict(int)  # bytes
        self.updates = threading.Condition()  # a peer has new pieces, or a transfer has ended
        self.random = random.Random()

    def poll(self, peer):
        """Poll the state of a peer."""
        swarm = self.swarm
        client = peer.client(swarm.options)
        while not swarm.stopping.is_set():
            try:
                if peer.update(client.state(peer.version)):
                    with self.updates:
                        self.updates.notify(2)  # a thread that finds work wakes the next one
            except PeerError as error:
                peer.on_error(error)
            except Exception as error:  # a bug must not hang the run
                swarm.fatal(f"{peer.name}: {type(error).__name__}: {error}")
            if swarm.stopping.wait(swarm.options["poll"] if not swarm.done else 0.5):
                break
        client.close()

    def pull(self):
        """Download pieces until nothing is missing; runs in several threads at once."""
        swarm = self.swarm
        clients: dict[str, Client] = {}
        while not swarm.stopping.is_set() and not swarm.store.all_verified and not swarm.error:
            chosen = self._choose()
            if chosen is None:
                with self.updates:
                    self.updates.wait(1)
                continue
            with self.updates:
                self.updates.notify()
            node, number, piece = chosen
            peer, bit = swarm.peers[node], 1 << piece
            try:
                client = clients.setdefault(node, peer.client(swarm.options))
                size = client.piece(swarm.store, number, piece)
                with swarm.lock:
                    self.received += size
                    self.by_peer[node] += size
                    swarm.last_byte_at = time.monotonic()
                swarm.store.arrived(number, bit)
                if swarm.store.is_complete(number) and number not in swarm.fetching:
                    swarm.verify(number)
            except PeerError:
                peer.back_off()
            except WriteError as error:
                swarm.fatal(disk_message(swarm.store.file(number), error.args[0]))
            except OSError as error:
                swarm.fatal(disk_message(swarm.store.file(number), error))
            except Exception as error:  # as above
                swarm.fatal(f"{swarm.store.names[number]}: {type(error).__name__}: {error}")
            finally:
                with swarm.lock:
                    self.inflight[number] &= ~bit
                    self.busy[node] -= 1
        for client in clients.values():
            client.close()

    def _choose(self):
        swarm = self.swarm
        now = time.monotonic()
        with swarm.lock:
            wanted = {}
            for number, have in enumerate(swarm.store.have):
                if swarm.store.verified >> number & 1 or number in swarm.fetching or number in swarm.checking:
                    continue
                bits = pieces.all_pieces(swarm.store.sizes[number]) & ~have & ~self.inflight[number]
                if bits:
                    wanted[number] = bits
            if not wanted:
                return None
            holders = {
                name: (lambda n, peer=peer: peer.bits(n, swarm.store.sizes[n], n in swarm.distrusted))
                for name, peer in swarm.peers.items()
                if peer.usable(now)
            }
            chosen = scheduling.choose_piece(wanted, holders, self.busy, self.random)
            if chosen:
                self.inflight[chosen[1]] |= 1 << chosen[2]
                self.busy[chosen[0]] += 1
            return chosen
