"""HAProxy's configuration from the models, the settings and the paths of the gateway."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from inferfleet.gateway.affinity import Affinity
from inferfleet.gateway.backends import Backend
from inferfleet.gateway.clients import CLIENT_MAPS
from inferfleet.gateway.monitoring import Monitoring
from inferfleet.gateway.webui import Webui

ENDPOINTS = (
    "/v1/chat/completions",
    "/v1/completions",
    "/v1/embeddings",
    "/v1/responses",
)
"""Paths of OpenAI's API (platform.openai.com/docs/api-reference) whose JSON body names a model and which need no state
of an earlier request."""
_HEADERS_BYTES = 32768  # for headers, tune.maxrewrite (1024) and the blocks of HAProxy's buffers
_ERRORS: dict[str | int, tuple[str, str, str | None]] = {
    400: ("The request is not valid HTTP.", "invalid_request_error", "bad_request"),
    401: ("Missing or invalid API key.", "invalid_request_error", "invalid_api_key"),
    408: ("The request was not received in time.", "invalid_request_error", "request_timeout"),
    413: ("The request is larger than {body_bytes} bytes.", "invalid_request_error", "request_too_large"),
    431: ("The headers are too large.", "invalid_request_error", "headers_too_large"),
    500: ("The gateway failed.", "server_error", None),
    502: ("The model server failed.", "server_error", None),
    503: ("No capacity for this model. Retry later.", "server_error", "overloaded"),
    504: ("The model server did not answer in time.", "server_error", "timeout"),
    "expired": ("The API key has expired.", "invalid_request_error", "expired_api_key"),
    "access": ("The model does not exist or this key has no access to it.", "invalid_request_error", "model_not_found"),
    "method": ("Method not allowed.", "invalid_request_error", "method_not_allowed"),
    "model": ("The body is not a JSON object with the text model.", "invalid_request_error", "model_required"),
    "path": ("Unknown path.", "invalid_request_error", "unknown_url"),
    "query": ("Query strings are not accepted.", "invalid_request_error", "query_not_allowed"),
    "rate": ("Too many requests per minute.", "requests", "rate_limit_exceeded"),
    "streams": ("Too many requests at the same time.", "requests", "rate_limit_exceeded"),
}
"""Message, type and code of OpenAI's error format (platform.openai.com/docs/guides/error-codes)."""
_FILES = {
    "certificate": "server.pem",
    "issued": "issued.pem",
    "config": "haproxy.cfg",
    "state": "servers.state",
    "completions": "completion_check.json",
    "usage": "usage.lua",
}
_RETRY = {503: " hdr Retry-After 5"}


@dataclass(frozen=True)
class Paths:
    """Files on the gateway."""

    folder: str
    socket: str

    def of(self, name: str) -> str:
        """Return the path of a file; that of a map by its name."""
        return str(PurePosixPath(self.folder, _FILES.get(name, f"{name}.map")))


@dataclass(frozen=True)
class Limits:
    """Sizes, times and addresses of the gateway."""

    body_bytes: int
    status_port: int
    stream_seconds: int = 3600
    """Longest time without a byte of an answer."""
    body_seconds: int = 30
    """Longest time until a body has arrived."""
    client_seconds: int = 60
    """Longest time without a byte from a client that has to send some, or takes none of an answer."""
    headers_bytes: int = 24576
    """Largest headers of a request; less than what the buffer has for them."""
    queue_length: int = 128
    queue_seconds: int = 30
    connections: int = 4096
    threads: int = 4
    address: str = "*"
    address6: str = ""
    """IPv6 address on which it listens as well; empty: none, as HAProxy does not start where IPv6 is disabled."""
    affinity: bool = True
    """Whether requests with the same beginning go to the same replica."""
    check_port: int = 0
    """Port of the completion check; 0: replicas are checked by their health path only."""
    completion_seconds: int = 30
    """Longest time of a completion of one token while the replica generates nothing for anyone."""

    def bind(self, port: int) -> str:
        """Return the addresses of a port, as HAProxy's `bind` takes them."""
        own = f"{self.address}:{port}"
        return f"{own},{self.address6}:{port} v6only" if self.address6 else own

    @property
    def buffer_bytes(self) -> int:
        """Size of a buffer that holds a request with the largest body."""
        return self.body_bytes + _HEADERS_BYTES


def render_config(
    backends: Sequence[Backend],
    port: int,
    limits: Limits,
    paths: Paths,
    engine_api_key: str,
    webui: Webui | None = None,
    monitoring: Monitoring | None = None,
) -> str:
    """Return haproxy.cfg."""
    folder = FileSystemLoader(Path(__file__).parent)
    environment = Environment(
        loader=folder, undefined=StrictUndefined, trim_blocks=True, keep_trailing_newline=True, autoescape=False
    )
    files = ("certificate", "issued", "state", "usage", *CLIENT_MAPS)
    affinity = Affinity()
    authorization = quote(f"Bearer {engine_api_key}".replace("%", "%%"))  # the value is a log format
    return environment.get_template("haproxy.cfg.j2").render(
        limits=limits,
        port=port,
        paths={"socket": paths.socket, **{name: paths.of(name) for name in files}},
        endpoints=ENDPOINTS,
        errors={name: _error(name, limits) for name in _ERRORS},
        affinity=affinity if limits.affinity else None,
        webui=webui,
        monitoring=monitoring,
        backends=[
            asdict(b)
            | {"authorization": authorization if b.takes_api_key else ""}
            | {"busy": affinity.busy(b), "factor": affinity.factor(len(b.replicas))}
            for b in backends
        ],
    )


def usage_filter() -> str:
    """Return the filter, in Lua, that reads the numbers of tokens in answers."""
    return (Path(__file__).parent / "usage.lua").read_text("utf-8")


def quote(text: str) -> str:
    """Return a text as one word of HAProxy's configuration (section 2.2, "Quoting and escaping")."""
    return "'" + text.replace("'", r"'\''") + "'"


def _error(name: str | int, limits: Limits) -> str:
    """Return content type, body and headers of an error, as `http-request return` and `http-error` take them."""
    message, kind, code = _ERRORS[name]
    error = {"message": message.format(body_bytes=limits.body_bytes), "type": kind, "param": None, "code": code}
    body = json.dumps({"error": error})
    return f"content-type application/json string {quote(body)}{_RETRY.get(name, '') if isinstance(name, int) else ''}"
