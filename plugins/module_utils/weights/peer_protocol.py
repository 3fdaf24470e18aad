"""Nodes speak HTTP with each other while a run lasts: what each has, and its pieces."""

from __future__ import annotations

import hmac
import http.client
import json
import socketserver
import sys
import threading
from http.server import BaseHTTPRequestHandler

from ansible.module_utils.weights import pieces

BUFFER = 2**20
TIMEOUT = 20  # seconds without a byte


class PeerError(Exception):
    """A peer does not answer, or not as agreed."""


class Server(socketserver.ThreadingTCPServer):
    """Serves one run's state and pieces to its nodes: they know the token and come from a known address."""

    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 512

    def __init__(self, address, port, token, run, allowed, store, swarm):
        self.token, self.run, self.allowed = token, run, {*allowed, address}
        self.store, self.swarm = store, swarm
        self.sent = 0
        self.lock = threading.Lock()
        super().__init__((address, port), _Handler)

    def start(self):
        """Serve in the background until `shutdown`."""
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True).start()

    def verify_request(self, request, client_address):
        """Let only the run's nodes in."""
        return client_address[0] in self.allowed

    def handle_error(self, request, client_address):
        """A peer that goes away is no error; anything else is told in the report."""
        error = sys.exc_info()[1]
        if not isinstance(error, (ConnectionError, TimeoutError)):
            self.swarm.note(f"giving to {client_address[0]} failed: {type(error).__name__}: {error}")


class _File:
    """A descriptor as `socket.sendfile` takes it; whoever opened it closes it."""

    def __init__(self, descriptor):
        self.descriptor = descriptor

    def fileno(self):
        return self.descriptor


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 120
    disable_nagle_algorithm = True
    wbufsize = -1
    server: Server

    def do_GET(self):
        server = self.server
        given = self.headers.get("Authorization", "")
        if not hmac.compare_digest(given.encode(), f"Bearer {server.token}".encode()):
            return self._say(403, b"")
        if self.headers.get("X-Run") != server.run:
            return self._say(409, b"")
        words = self.path.split("/")[1:]
        try:
            if words[0] == "state":
                return self._say(200, json.dumps(server.swarm.state(int(words[1]))).encode())
            if words[0] == "done":
                server.swarm.hear(words[1])
                return self._say(200, b"")
            if words[0] == "take":
                return self._say(200 if server.swarm.allow(int(words[1]), words[2]) else 404, b"")
            number, piece = int(words[1]), int(words[2])
            if words[0] == "piece" and piece >= 0 and server.store.have[number] >> piece & 1:
                return self._send(number, piece)
        except (ValueError, IndexError):
            return self._say(400, b"")
        return self._say(404, b"")

    def _say(self, status, body):
        self.send_response_only(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _send(self, number, piece):
        store = self.server.store
        offset, left = pieces.piece_range(store.sizes[number], piece)
        descriptor = store.descriptor(number)
        self.send_response_only(200)
        self.send_header("Content-Length", str(left))
        self.end_headers()
        self.wfile.flush()
        # From the page cache to the network card, not through this process.
        sent = self.connection.sendfile(_File(descriptor), offset, left)
        if sent != left:
            self.close_connection = True  # the file became shorter: the peer must not take the next answer for its rest
        with self.server.lock:
            self.server.sent += sent

    def log_message(self, format, *args):
        pass


class Client:
    """One connection to a peer, for one thread at a time."""

    def __init__(self, address, port, token, run, own, timeout=TIMEOUT):
        self.own = own  # the address by which the peer knows this node, also where the route would take another
        self.headers = {"Authorization": f"Bearer {token}", "X-Run": run}
        self.address, self.port, self.timeout = address, port, timeout
        self.connection: http.client.HTTPConnection | None = None
        self.buffer = memoryview(bytearray(BUFFER))

    def state(self, known=-1):
        """Return what the peer says of itself, no more than the version when that is `known`."""
        answer = self._ask(f"/state/{known}")
        try:
            return json.loads(answer.read())
        except (OSError, ValueError, http.client.HTTPException) as error:
            raise self._broken(error) from error

    def tell(self, what, node):
        """Say `what` in the name of `node`; return whether the peer agreed."""
        try:
            self._ask(f"/{what}/{node}").read()
        except PeerError as error:
            if str(error) == "HTTP 404":
                return False
            raise
        return True

    def piece(self, store, number, piece):
        """Bring a piece into the store; return its bytes. It is for the caller to say that it arrived."""
        offset, size = pieces.piece_range(store.sizes[number], piece)
        answer = self._ask(f"/piece/{number}/{piece}")
        try:
            if answer.length != size:
                raise ValueError(f"{answer.length} bytes instead of {size}")
            left = size
            while left:
                count = answer.readinto(self.buffer[: min(left, BUFFER)])
                if not count:
                    raise ValueError("the connection ended")
                try:
                    store.write(number, offset, self.buffer[:count])
                except OSError as error:
                    raise WriteError(error) from error
                offset, left = offset + count, left - count
            answer.read()
        except (OSError, ValueError, http.client.HTTPException) as error:
            raise self._broken(error) from error
        return size

    def _ask(self, path):
        for fresh in (False, True):  # a connection that was kept may have been closed
            if fresh or self.connection is None:
                self.close()
                self.connection = http.client.HTTPConnection(
                    self.address, self.port, timeout=self.timeout, source_address=(self.own, 0)
                )
                fresh = True
            try:
                self.connection.request("GET", path, headers=self.headers)
                answer = self.connection.getresponse()
                break
            except (OSError, http.client.HTTPException) as error:
                if fresh:
                    raise self._broken(error) from error
        if answer.status != 200:
            answer.read()
            raise PeerError(f"HTTP {answer.status}")
        return answer

    def _broken(self, error):
        self.close()
        return PeerError(str(error) or type(error).__name__)

    def close(self):
        """Close the connection."""
        if self.connection is not None:
            self.connection.close()
            self.connection = None


class WriteError(Exception):
    """This node's own disk refuses."""
