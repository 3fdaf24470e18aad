"""HTTP protocol between the nodes during a run: state, pieces and notifications."""

from __future__ import annotations

import hmac
import http.client
import json
import socketserver
import sys
import threading
from http.server import BaseHTTPRequestHandler

from ansible.module_utils.messages import N_, Message
from ansible.module_utils.weights import pieces

BUFFER = 2**20
TIMEOUT = 20  # seconds without a byte


class PeerError(Exception):
    """A peer does not respond, or its response is invalid."""


class Server(socketserver.ThreadingTCPServer):
    """Serves state and pieces to the nodes of one run, authenticated by token and source address."""

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
        """Accept only addresses of the run's nodes."""
        return client_address[0] in self.allowed

    def handle_error(self, request, client_address):
        """Ignore disconnected peers; note any other error for the report."""
        error = sys.exc_info()[1]
        if not isinstance(error, (ConnectionError, TimeoutError)):
            failed = N_("sending to {address} failed: {reason}")
            reason = f"{type(error).__name__}: {error}"
            self.swarm.note(Message("", failed, address=client_address[0], reason=reason))


class _File:
    """A file object for `socket.sendfile` that does not close its descriptor."""

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
        authorization = self.headers.get("Authorization", "")
        if not hmac.compare_digest(authorization.encode(), f"Bearer {server.token}".encode()):
            return self._respond(403, b"")
        if self.headers.get("X-Run") != server.run:
            return self._respond(409, b"")
        parts = self.path.split("/")[1:]
        try:
            if parts[0] == "state":
                return self._respond(200, json.dumps(server.swarm.state(int(parts[1]))).encode())
            if parts[0] == "done":
                server.swarm.on_completed(parts[1])
                return self._respond(200, b"")
            if parts[0] == "take":
                return self._respond(200 if server.swarm.allow(int(parts[1]), parts[2]) else 404, b"")
            number, piece = int(parts[1]), int(parts[2])
            if parts[0] == "piece" and piece >= 0 and server.store.have[number] >> piece & 1:
                return self._send(number, piece)
        except (ValueError, IndexError):
            return self._respond(400, b"")
        return self._respond(404, b"")

    def _respond(self, status, body):
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
        # From the page cache to the network card, without copying through this process.
        sent = self.connection.sendfile(_File(descriptor), offset, left)
        if sent != left:
            self.close_connection = (
                True  # the file became shorter: the peer must not read the next response as the rest
            )
        with self.server.lock:
            self.server.sent += sent

    def log_message(self, format, *args):
        pass


class Client:
    """One connection to a peer, for one thread at a time."""

    def __init__(self, address, port, token, run, own, timeout=TIMEOUT):
        self.own = own  # the address by which the peer knows this node, whatever the route
        self.headers = {"Authorization": f"Bearer {token}", "X-Run": run}
        self.address, self.port, self.timeout = address, port, timeout
        self.connection: http.client.HTTPConnection | None = None
        self.buffer = memoryview(bytearray(BUFFER))

    def state(self, known=-1):
        """Return the peer's state; its version only if that is `known`."""
        answer = self._get(f"/state/{known}")
        try:
            return json.loads(answer.read())
        except (OSError, ValueError, http.client.HTTPException) as error:
            raise self._broken(error) from error

    def notify(self, what, node):
        """Send the notification `what` on behalf of `node`; return whether the peer accepted it."""
        try:
            self._get(f"/{what}/{node}").read()
        except PeerError as error:
            if str(error) == "HTTP 404":
                return False
            raise
        return True

    def piece(self, store, number, piece):
        """Download a piece into the store; return its size. The caller must then mark it as arrived."""
        offset, size = pieces.piece_range(store.sizes[number], piece)
        answer = self._get(f"/piece/{number}/{piece}")
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

    def _get(self, path):
        for fresh in (False, True):  # a kept-alive connection may have been closed
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
    """A write to this node's own disk failed."""
