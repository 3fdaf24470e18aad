"""HTTP requests to the services of the cluster, never through a proxy: a proxy of the site cannot reach them."""

from __future__ import annotations

import http.client
import json
import socket
import ssl
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from ansible.module_utils.messages import N_, Message, os_reason

# A node's login environment may set http_proxy.
_direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class StatusError(Exception):
    """A service returned an error: its `status`, `reason` phrase and the beginning of the `text`."""

    def __init__(self, status: int, reason: str, text: str) -> None:
        super().__init__(f"HTTP {status}: {text[:300]}")
        self.status, self.reason, self.text = status, reason, text


class ConnectionBrokenError(OSError):
    """A response was interrupted; `message` is the reason."""

    def __init__(self, kind: str) -> None:
        self.message = Message("", N_("the connection was interrupted ({kind})"), kind=kind)
        super().__init__(str(self.message))


def reason(error: Exception) -> Message:
    """Return why a request failed: "Connection refused", not urllib's "<urlopen error [Errno 111] …>"."""
    if isinstance(error, ConnectionBrokenError):
        return error.message
    return os_reason(getattr(error, "reason", error))


def tls_opener(ca: str, addresses: Mapping[str, str]) -> urllib.request.OpenerDirector:
    """Return an opener for HTTPS that trusts the CA (PEM; empty: none) besides those of the system.

    `addresses` are the addresses of host names that have none in the DNS.

    Raises:
        ssl.SSLError: `ca` is no certificate.
    """
    context = ssl.create_default_context()
    if ca:
        context.load_verify_locations(cadata=ca)

    class Connection(http.client.HTTPSConnection):
        def connect(self) -> None:
            channel = socket.create_connection((addresses.get(self.host, self.host), self.port), self.timeout)
            self.sock = context.wrap_socket(channel, server_hostname=self.host)

    class Handler(urllib.request.HTTPSHandler):
        def https_open(self, req: urllib.request.Request) -> Any:
            return self.do_open(Connection, req)

    return urllib.request.build_opener(urllib.request.ProxyHandler({}), Handler())


def opener_at(url: str, address: str, ca: str) -> urllib.request.OpenerDirector:
    """Return the opener of `tls_opener` for a URL whose requests are sent to `address`; empty: to its host."""
    return tls_opener(ca, {str(urlsplit(url).hostname): address} if address else {})


def request(
    url: str,
    body: Any = None,
    *,
    method: str | None = None,
    authorization: str = "",
    timeout: float = 30,
    opener: urllib.request.OpenerDirector = _direct,
) -> tuple[int, str]:
    """Send `body` as JSON (GET without a body) and return status and text of the response.

    `authorization` is the value of that header, `timeout` in seconds, `opener` for HTTPS that of `tls_opener`.

    Raises:
        StatusError: the status is an error.
        OSError: no response, or an interrupted one.
    """
    headers = {"Accept": "application/json"}
    if authorization:
        headers["Authorization"] = authorization
    data = None
    if body is not None:
        headers["Content-Type"] = "application/json"
        data = json.dumps(body).encode()
    sent = urllib.request.Request(url, data=data, headers=headers, method=method)
    try:
        with opener.open(sent, timeout=timeout) as answer:
            return answer.status, answer.read().decode(errors="replace")
    except urllib.error.HTTPError as error:
        raise StatusError(error.code, error.reason, error.read(2000).decode(errors="replace")) from error
    except http.client.HTTPException as error:
        raise ConnectionBrokenError(type(error).__name__) from error


def request_json(url: str, body: Any = None, **options: Any) -> Any:
    """Return the decoded JSON of a response, None if it is empty; also raises ValueError."""
    _, text = request(url, body, **options)
    return json.loads(text) if text.strip() else None


def bearer(token: str | None) -> str:
    """Return the Authorization header's value for a token, empty without one."""
    return f"Bearer {token}" if token else ""
