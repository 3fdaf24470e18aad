"""A stub of Open WebUI: health, the headers and the size of a request, and a web socket that echoes messages."""

import base64
import hashlib
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BufferedIOBase
from typing import Any, BinaryIO

_GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455, section 1.3


def accept(key: str) -> str:
    """Return the answer to the key of an opening handshake."""
    return base64.b64encode(hashlib.sha1(f"{key}{_GUID}".encode()).digest()).decode()


def frame(text: bytes, mask: bytes = b"") -> bytes:
    """Return a text message of at most 125 bytes (RFC 6455, section 5.2); a client has to mask it."""
    masked = bytes(byte ^ mask[number % 4] for number, byte in enumerate(text)) if mask else text
    return bytes([0x81, len(text) | (0x80 if mask else 0)]) + mask + masked


def message(stream: BinaryIO | BufferedIOBase) -> bytes:
    """Return the next message from a stream; empty at its end."""
    head = stream.read(2)
    if len(head) < 2:
        return b""
    mask = stream.read(4) if head[1] & 0x80 else bytes(4)
    return bytes(byte ^ mask[number % 4] for number, byte in enumerate(stream.read(head[1] & 0x7F)))


class Page(ThreadingHTTPServer):
    """Listens on a free port of 127.0.0.1."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.port = self.server_address[1]
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore connections that a client or HAProxy closed."""

    def stop(self) -> None:
        """Close the port."""
        self.shutdown()
        self.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        if self.headers.get("Upgrade", "").lower() == "websocket":
            self._echo()
        else:
            self._answer({name.lower(): value for name, value in self.headers.items()})

    def do_POST(self) -> None:
        self._answer({"bytes": len(self.rfile.read(int(self.headers["Content-Length"])))})

    def _answer(self, answer: Any) -> None:
        body = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Connection", "close")  # so that nothing answers after `stop`
        self.end_headers()
        self.wfile.write(body)

    def _echo(self) -> None:
        self.send_response(101)
        self.send_header("Upgrade", "websocket")
        self.send_header("Connection", "Upgrade")
        self.send_header("Sec-WebSocket-Accept", accept(self.headers["Sec-WebSocket-Key"]))
        self.end_headers()
        while text := message(self.rfile):
            self.wfile.write(frame(text))
            self.wfile.flush()
        self.close_connection = True

    def log_message(self, *args: Any) -> None:
        """Print nothing."""
