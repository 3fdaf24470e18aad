"""A client of HTTP/2 that sends what libraries refuse to send (RFC 9113, frames; RFC 7541, literal headers)."""

import socket
import ssl
import struct
from collections.abc import Iterable, Iterator

from tests.gateway.conftest import Gateway

Headers = list[tuple[bytes, bytes]]
_DATA, _HEADERS, _RESET, _SETTINGS, _GOAWAY = 0, 1, 3, 4, 7
_END_STREAM, _ACK, _END_HEADERS = 1, 1, 4
_STATUS = {0x88: 200, 0x8C: 400, 0x8D: 404}
"""Status of an answer that begins with this byte: fields of the static table (RFC 7541, appendix A)."""
_LITERAL_STATUS = (0x08, 0x18, 0x48)  # its first byte: `:status`, index 8, with a literal value
REFUSED = 0
"""The stream or the connection was ended instead of an answer."""


def _frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    return struct.pack(">I", len(payload))[1:] + bytes((kind, flags)) + struct.pack(">I", stream) + payload


def _text(text: bytes) -> bytes:
    """Return a string of less than 254 bytes, without Huffman coding."""
    prefix = 127
    return (bytes((len(text),)) if len(text) < prefix else bytes((prefix, len(text) - prefix))) + text


def _frames(channel: ssl.SSLSocket) -> Iterator[tuple[int, int, bytes]]:
    """Yield kind, flags and payload of the frames that arrive, until the connection ends."""
    received = b""
    while part := channel.recv(65536):
        received += part
        while len(received) >= (end := 9 + int.from_bytes(received[:3], "big")) >= 9 and len(received) >= 9:
            yield received[3], received[4], received[9:end]
            received = received[end:]


def send(gateway: Gateway, headers: Headers, parts: Iterable[bytes]) -> int:
    """Return the status of the answer to a request with these headers and DATA frames; REFUSED if there is none."""
    context = ssl.create_default_context(cafile=str(gateway.folder / "ca.pem"))
    context.set_alpn_protocols(["h2"])
    block = b"".join(b"\0" + _text(name) + _text(value) for name, value in headers)
    sent = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + _frame(_SETTINGS, 0, 0, b"")
    sent += _frame(_HEADERS, _END_HEADERS, 1, block)
    sent += b"".join(_frame(_DATA, 0, 1, part) for part in parts) + _frame(_DATA, _END_STREAM, 1, b"")
    with (
        socket.create_connection(("127.0.0.1", gateway.port), timeout=10) as plain,
        context.wrap_socket(plain, server_hostname="127.0.0.1") as channel,
    ):
        channel.sendall(sent)
        try:
            for kind, flags, payload in _frames(channel):
                if kind == _SETTINGS and not flags & _ACK:
                    channel.sendall(_frame(_SETTINGS, _ACK, 0, b""))
                if kind == _HEADERS:
                    return int(payload[2:5]) if payload[0] in _LITERAL_STATUS else _STATUS[payload[0]]
                if kind in (_RESET, _GOAWAY):
                    return REFUSED
        except ConnectionError:
            return REFUSED
    return REFUSED
