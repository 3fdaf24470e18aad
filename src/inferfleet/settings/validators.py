"""Validate the values of settings: each function returns the value, or raises UnfitValueError."""

import ipaddress
import re
from pathlib import PurePosixPath
from urllib.parse import urlsplit

from inferfleet.messages import N_, Message


class UnfitValueError(ValueError):
    """A value that has the right type but is invalid for a setting.

    `reason` continues "is VALUE, which"; `remedy` is imperative. Both are templates with the fields `parameters`.
    """

    def __init__(self, reason: str, remedy: str, **parameters: int) -> None:
        super().__init__(reason)
        self.reason, self.remedy = Message("", reason, **parameters), Message("", remedy, **parameters)


_SYSTEM_FOLDERS = ("", "home", "root", "tmp", "usr", "var")  # folders below them may hold data
_SYSTEM_TREES = ("bin", "boot", "dev", "etc", "lib", "lib32", "lib64", "proc", "run", "sbin", "sys")
# Grammar of image references: github.com/distribution/reference, regexp.go. The registered digest algorithms with their
# lengths: OCI image specification, descriptor.md.
_DOMAIN = r"(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])"
_HOST = rf"(?:{_DOMAIN}(?:\.{_DOMAIN})*|\[[a-fA-F0-9:]+\])(?::(?P<port>[0-9]{{1,5}}))?"
_PATH = r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*"
_TAG = r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}"
_DIGEST = r"(?:sha256:[a-f0-9]{64}|sha512:[a-f0-9]{128})"
_REGISTRY = re.compile(_HOST)
_PREFIX = re.compile(rf"{_HOST}(?:/{_PATH})*")
_IMAGE = re.compile(rf"(?:{_HOST}/)?{_PATH}(?:/{_PATH})*(?::{_TAG})?(?:@{_DIGEST})?")
_MAX_PORT = 65535
_LONGEST_NAME = 255  # of a repository in an image reference (reference.go), of a reference in Git (a file name)
_MIN_CONTEXT = 512  # tokens; half of it is for the answer with which roles/verify checks a service


def _matches(pattern: re.Pattern[str], value: str) -> bool:
    """Return whether a value is valid in the grammar of image references, with a valid port if it has one."""
    found = pattern.fullmatch(value)
    return found is not None and 0 < int(found["port"] or 1) <= _MAX_PORT


def absolute_path(value: str) -> str:
    """Return an absolute path; raises UnfitValueError."""
    path = PurePosixPath(value)
    if not path.is_absolute() or ".." in path.parts:
        raise UnfitValueError(
            N_("is not an absolute path"), N_("write a path that starts with /, for example /data/models")
        )
    if not value.isprintable():
        raise UnfitValueError(N_("contains a line break or another control character"), N_("write it on one line"))
    if ":" in value:
        raise UnfitValueError(
            N_("contains a colon"), N_("choose a path without colons, which Docker uses as separators in mounts")
        )
    return value


def data_path(value: str) -> str:
    """Return the path of a folder for data on the nodes; raises UnfitValueError."""
    _, *parts = PurePosixPath(absolute_path(value)).parts
    shared_memory = parts[:2] == ["dev", "shm"] and len(parts) > 2
    if "/".join(parts) in _SYSTEM_FOLDERS or (parts[0] in _SYSTEM_TREES and not shared_memory):
        raise UnfitValueError(
            N_("belongs to the operating system"), N_("choose a folder for data, for example /data/models")
        )
    return value


def optional_path(value: str) -> str:
    """Return an absolute path without a slash at its end, or nothing; raises UnfitValueError."""
    return absolute_path(value).rstrip("/") if value else value


def http_url(value: str) -> str:
    """Return an http(s) URL; raises UnfitValueError."""
    try:
        parts = urlsplit(value)
        usable = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable or value.endswith("/") or any(c.isspace() for c in value):
        raise UnfitValueError(
            N_("is not an http(s) URL without a trailing slash"), N_("write it like https://hf-mirror.com")
        )
    return value


def proxy(value: str) -> str:
    """Return the URL of an HTTP proxy, or nothing; raises UnfitValueError."""
    try:
        return http_url(value) if value else value
    except UnfitValueError:
        raise UnfitValueError(
            N_("is not the URL of an HTTP proxy"), N_("write it like http://proxy.example.com:3128")
        ) from None


def word(value: str) -> str:
    """Return one word; raises UnfitValueError."""
    if value.startswith("-") or any(c.isspace() or not c.isprintable() for c in value):
        raise UnfitValueError(
            N_("contains whitespace or starts with a hyphen"), N_("write one word, like deepseek-r1 or main")
        )
    return value


def revision(value: str) -> str:
    """Return the name of a branch or tag, or a commit; raises UnfitValueError."""
    # git-check-ref-format(1)
    invalid = re.search(r"\.\.|//|^/|/$|\.$|@\{|[~^:?*\[\\]|\.lock(?:/|$)|(?:^|/)\.", word(value))
    if invalid or len(value) > _LONGEST_NAME:
        raise UnfitValueError(
            N_("is not the name of a branch or tag, or a commit"), N_("write it as on the hub, like main or v1.0")
        )
    return value


def model_name(value: str) -> str:
    """Return the name of a model in requests, or nothing; raises UnfitValueError."""
    if len(value) > _LONGEST_NAME or any(part in ("", ".", "..") for part in (word(value) or "x").split("/")):
        raise UnfitValueError(
            N_("is not the name of a model"), N_("write one of at most 255 characters, like deepseek-r1 or team/r1")
        )
    return value


def direct_host(value: str) -> str:
    """Return a host, a domain or a network; raises UnfitValueError."""
    if not re.fullmatch(r"[^\s,/]+(?:/\d+)?", value):
        raise UnfitValueError(
            N_("is not a host, a domain or a network"), N_("write each one as an item of the list, without a scheme")
        )
    return value


def locale(value: str) -> str:
    """Return a language tag; raises UnfitValueError."""
    if not re.fullmatch(r"[a-z]{2,3}(?:-[A-Za-z0-9]+)*", value):
        raise UnfitValueError(N_("is not a language tag"), N_("write it like en-US or zh-CN"))
    return value


def _is_address(value: str) -> bool:
    return re.fullmatch(r"[0-9]+(?:\.[0-9]+){3}", value) is not None


def interface(value: str) -> str:
    """Return the name of a network interface, or nothing; raises UnfitValueError."""
    valid = re.fullmatch(r"[^\s/:]{1,15}", value) and value.isprintable()  # linux/if.h: IFNAMSIZ
    if value and (not valid or value in (".", "..") or _is_address(value)):
        raise UnfitValueError(N_("is not the name of a network interface"), N_("write it like eth0 or bond0"))
    return value


def rdma_ports(value: str) -> str:
    """Return a list of RDMA ports, or nothing; raises UnfitValueError."""
    ports = re.fullmatch(r"[\w.-]+(?::\d+)?(?:, *[\w.-]+(?::\d+)?)*", value, re.ASCII)
    if value and (not ports or _is_address(value)):
        raise UnfitValueError(
            N_("is not a list of RDMA ports"), N_("write it like mlx5_0:1,mlx5_1:1, or none to use TCP")
        )
    return value


def network(value: str) -> str:
    """Return an IPv4 network, or nothing; raises UnfitValueError."""
    if value:
        try:
            ipaddress.IPv4Network(value)
            valid = "/" in value  # without a prefix length it would be a single address
        except ValueError:
            valid = False
        if not valid:
            raise UnfitValueError(
                N_("is not an IPv4 network"), N_("write its first address and prefix length, for example 10.0.0.0/24")
            )
    return value


def source_network(value: str) -> str:
    """Return an address or a network; raises UnfitValueError."""
    try:
        if "%" in value:  # a zone, which nft does not take
            raise ValueError(value)
        ipaddress.ip_network(value)
    except ValueError:
        raise UnfitValueError(
            N_("is neither an address nor a network"),
            N_("write it like 10.1.2.3, 10.1.0.0/16 or 2001:db8::/64, without bits after the prefix"),
        ) from None
    return value


def virtual_address(value: str) -> str:
    """Return an IPv4 address with the prefix length of its network, or nothing; raises UnfitValueError."""
    if value:
        try:
            interface = ipaddress.IPv4Interface(value)
            hosts = interface.network
            last = hosts.prefixlen < hosts.max_prefixlen - 1 and interface.ip == hosts.broadcast_address
            valid = "/" in value and not last and (interface.ip != hosts.network_address or hosts.num_addresses < 3)
        except ValueError:
            valid = False
        if not valid:
            raise UnfitValueError(
                N_("is not an IPv4 address with a prefix length"),
                N_("write a free address and the prefix length of its network, for example 10.0.0.100/24"),
            )
    return value


def repository(value: str) -> str:
    """Return the id of a repository on a hub, or nothing; raises UnfitValueError."""
    if value and not re.fullmatch(r"\w[\w.-]*/\w[\w.-]*", value):  # no `..`: it becomes a path below model_root
        raise UnfitValueError(
            N_("is not a hub repository id"), N_("write it as owner/name, for example deepseek-ai/DeepSeek-R1")
        )
    return value


def host_port(value: str) -> str:
    """Return the address of a registry; raises UnfitValueError."""
    if not _matches(_REGISTRY, value):
        raise UnfitValueError(
            N_("is not host:port"), N_("write it without a scheme, for example registry.example.com:5000")
        )
    return value


def registry(value: str) -> str:
    """Return the name of a registry; raises UnfitValueError."""
    if not _matches(_REGISTRY, value):
        raise UnfitValueError(N_("is not the name of a registry"), N_("write it like docker.io or quay.io"))
    return value


def prefix(value: str) -> str:
    """Return a registry with an optional path; raises UnfitValueError."""
    if not _matches(_PREFIX, value):
        raise UnfitValueError(
            N_("is not a registry with an optional path"),
            N_("write it without a scheme, like registry.example.com:5000/hub"),
        )
    return value


def image(value: str) -> str:
    """Return an image reference, or nothing; raises UnfitValueError."""
    repository_name = re.sub(r"(?::[^/]*)?$", "", value.partition("@")[0])
    if value and (not _matches(_IMAGE, value) or len(repository_name) > _LONGEST_NAME):
        raise UnfitValueError(
            N_("is not an image reference"),
            N_("write it without a scheme and with a lower-case name, like registry.example.com:5000/vllm:v1"),
        )
    return value


def variable_name(value: str) -> str:
    """Return the name of an environment variable; raises UnfitValueError."""
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", value):
        raise UnfitValueError(
            N_("is not the name of an environment variable"),
            N_("use letters, digits and underscores, and no digit at the start"),
        )
    return value


def email(value: str) -> str:
    """Return an e-mail address; raises UnfitValueError."""
    if not re.fullmatch(r"[^@\s]+@[^@\s]+", value):
        raise UnfitValueError(N_("is not an e-mail address"), N_("write one like admin@example.com"))
    return value


def context_length(value: int) -> int:
    """Return a context length in tokens, or 0; raises UnfitValueError."""
    if 0 < value < _MIN_CONTEXT:
        raise UnfitValueError(
            N_("is too short for a question and its answer"),
            N_("set at least {least} tokens, or 0 for the longest context that fits"),
            least=_MIN_CONTEXT,
        )
    return value


def number(value: object) -> object:
    """Convert text to a number: `-e engine_port=8001` is passed as text."""
    # Python also reads 1_000, digits of other scripts, and spaces around them; roles would render them as they are.
    if isinstance(value, str) and re.fullmatch(r"[+-]?[0-9.]+(?:[eE][+-]?[0-9]+)?", value):
        for kind in (int, float):
            try:
                return kind(value)
            except ValueError:
                continue
    return value


def boolean(value: object) -> object:
    """Convert text to true or false: `-e enforce_eager=true` is passed as text."""
    return {"true": True, "false": False}.get(value.lower(), value) if isinstance(value, str) else value
