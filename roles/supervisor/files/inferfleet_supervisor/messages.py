"""Authenticated messages between members and leader.

A request carries a nonce of the client and an HMAC-SHA256 with the cluster's token over method, path, nonce and body;
the HMAC of the answer covers the same nonce, its status and its body, so neither can be altered or exchanged. Its body
contains the challenge of the leader's last answer to this node, which is used once: a recorded request is rejected.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import secrets
from collections.abc import Mapping
from pathlib import Path

BODY_LIMIT = 64 * 1024
SECONDS = 5.0
REPORT_PATH = "/v1/report"
HEALTH_PATH = "/v1/health"
NONCE = "x-inferfleet-nonce"
SIGNATURE = "x-inferfleet-signature"


class Token:
    """The cluster's token: read for each message, so it can be rotated; the last one stays if the file is gone."""

    def __init__(self, path: str) -> None:
        self.path = Path(path)
        self.value = b""

    def read(self) -> bytes:
        """Return the token; empty if there never was one."""
        with contextlib.suppress(OSError):
            self.value = self.path.read_bytes().strip() or self.value
        return self.value


def signature(token: bytes, *parts: bytes) -> str:
    """Return the HMAC of parts."""
    return hmac.new(token, b"\n".join(parts), hashlib.sha256).hexdigest()


def request_headers(token: bytes, method: str, path: str, body: bytes) -> dict[str, str]:
    """Return nonce and signature of a new request."""
    nonce = secrets.token_hex(16)
    return {NONCE: nonce, SIGNATURE: signature(token, method.encode(), path.encode(), nonce.encode(), body)}


def request_is_valid(token: bytes, method: str, path: str, headers: Mapping[str, str], body: bytes) -> bool:
    """Return whether a request was signed with the token."""
    expected = signature(token, method.encode(), path.encode(), headers.get(NONCE, "").encode(), body)
    return _matches(token, expected, headers)


def answer_headers(token: bytes, nonce: str, status: int, body: bytes) -> dict[str, str]:
    """Return the signature of an answer."""
    return {SIGNATURE: signature(token, b"answer", nonce.encode(), str(status).encode(), body)}


def answer_is_valid(token: bytes, nonce: str, status: int, headers: Mapping[str, str], body: bytes) -> bool:
    """Return whether an answer was signed with the token, for this request."""
    return _matches(token, answer_headers(token, nonce, status, body)[SIGNATURE], headers)


def _matches(token: bytes, expected: str, headers: Mapping[str, str]) -> bool:
    return bool(token) and hmac.compare_digest(expected.encode(), headers.get(SIGNATURE, "").encode())
