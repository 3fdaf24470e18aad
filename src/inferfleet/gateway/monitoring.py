"""Prometheus and Alertmanager behind the gateway, and the gateway's own metrics."""

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from inferfleet.components import load_component

USER = "admin"
NOBODY = "nobody"
"""The SHA-256 of no header."""
_METRICS = "metrics"  # purpose of the port in the component's file


@dataclass(frozen=True)
class Monitoring:
    """Where the gateway listens for administrators and for Prometheus, and to which addresses it forwards."""

    port: int
    prometheus: str
    alertmanager: str
    scraper: str
    """Address that may read the gateway's metrics."""
    credentials: str = field(repr=False)
    """SHA-256 of the header by which the administrator is authenticated."""
    metrics_port: int = 0

    @classmethod
    def from_dict(cls, form: Mapping[str, Any], password: str) -> "Monitoring | None":
        """Return it from the JSON form of its plan; None without monitoring."""
        if not form["port"]:
            return None
        return cls(
            int(form["port"]),
            str(form["prometheus"]),
            str(form["alertmanager"]),
            str(form["address"]),
            credentials(USER, password),
            metrics_port(),
        )


def metrics_port() -> int:
    """Return the port of the gateway's own metrics."""
    return next(int(port.number) for port in load_component("gateway").ports if port.purpose == _METRICS)


def credentials(user: str, password: str) -> str:
    """Return the SHA-256, in lower-case hexadecimal, of the header of HTTP's basic authentication (RFC 7617).

    Without a password nobody is authenticated.
    """
    if not password:
        return NOBODY
    header = b"Basic " + base64.b64encode(f"{user}:{password}".encode())
    return hashlib.sha256(header).hexdigest()
