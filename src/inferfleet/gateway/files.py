"""The gateway's files, and what is generated once on the controller: keys of clients and certificates."""

import hashlib
import secrets
import string
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from inferfleet.files import write_atomic
from inferfleet.gateway.backends import backends_of
from inferfleet.gateway.certificate import INTERNAL_NAME, Pair, is_current, issue_authority, issue_server
from inferfleet.gateway.clients import CLIENT_MAPS, map_files, read_clients
from inferfleet.gateway.completions import completion_check
from inferfleet.gateway.monitoring import Monitoring
from inferfleet.gateway.render import Limits, Paths, render_config, usage_filter
from inferfleet.gateway.replicas import replica_lines
from inferfleet.gateway.webui import Webui

_KEY_CHARACTERS = string.ascii_letters + string.digits
_KEY_LENGTH = 43  # 256 bits


@dataclass(frozen=True)
class SecretFolder:
    """Generated secrets of an inventory on the controller, one file each, mode 0600."""

    path: Path
    read_only: bool = False
    """For check mode: what is missing is generated, but not stored."""

    def client_keys(self, names: Iterable[str]) -> dict[str, str]:
        """Return the key of each client; missing ones are generated."""
        return {name: self.read(self.client_key_file(name)) or self.new_client_key(name) for name in names}

    def new_client_key(self, name: str) -> str:
        """Generate and return a key of a client, instead of its previous one."""
        key = "sk-" + "".join(secrets.choice(_KEY_CHARACTERS) for _ in range(_KEY_LENGTH))
        return self._store(self.client_key_file(name), key)

    def existing_client_keys(self, names: Iterable[str]) -> dict[str, str]:
        """Return the keys of those clients that have one."""
        return {name: key for name in names if (key := self.read(self.client_key_file(name)))}

    def remove_client_key(self, name: str) -> None:
        """Delete the key of a client."""
        if not self.read_only:
            (self.path / self.client_key_file(name)).unlink(missing_ok=True)

    @staticmethod
    def client_key_file(name: str) -> str:
        """Return the file of a client's key in the folder."""
        return f"api_clients/{name}"

    def authority(self) -> Pair:
        """Return the CA of the inventory; a missing one is generated."""
        there = Pair(self.read("gateway_ca.pem"), self.read("gateway_ca.key"))
        if there.certificate and there.key:
            return there
        issued = issue_authority(self.path.resolve().parent.name)
        self._store("gateway_ca.key", issued.key)
        self._store("gateway_ca.pem", issued.certificate)
        return issued

    def server_certificate(self, names: Sequence[str]) -> Pair:
        """Return the certificate for `names`, issued by the inventory's CA; a missing or outdated one is issued."""
        authority = self.authority()
        there = Pair(self.read("gateway_server.pem"), self.read("gateway_server.key"))
        if there.certificate and there.key and is_current(there.certificate, authority.certificate, names):
            return there
        issued = issue_server(authority, names)
        self._store("gateway_server.key", issued.key)
        self._store("gateway_server.pem", issued.certificate)
        return issued

    def read(self, name: str) -> str:
        """Return a secret; empty if it does not exist."""
        file = self.path / name
        return file.read_text("utf-8").rstrip("\n") if file.is_file() else ""

    def _store(self, name: str, text: str) -> str:
        if not self.read_only:
            file = self.path / name
            file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_atomic(file, f"{text.rstrip()}\n", mode=0o600)
        return text


def gateway_files(
    plans: Sequence[Mapping[str, Any]],
    clients: Sequence[Mapping[str, Any]],
    certificate: Pair,
    issued: Pair,
    keys: Mapping[str, str],
    port: int,
    limits: Limits,
    paths: Paths,
    engine_api_key: str,
    webui: Webui | None = None,
    monitoring: Monitoring | None = None,
) -> dict[str, str]:
    """Return the content of each file on the gateway by its path; the configuration is the last one.

    `certificate` is for clients, `issued`, that of the inventory's CA, for Open WebUI and checks; often the same.
    """
    backends = backends_of(plans)
    pairs = {"certificate": certificate, "issued": issued}
    files = {paths.of(name): f"{pair.certificate.rstrip()}\n{pair.key.rstrip()}\n" for name, pair in pairs.items()}
    for name, content in map_files(read_clients(clients, keys), backends).items():
        files[paths.of(name)] = content
    files[paths.of("replicas")] = replica_lines(plans)
    files[paths.of("usage")] = usage_filter()
    if limits.check_port:
        files[paths.of("completions")] = completion_check(
            backends, limits.check_port, paths.socket, limits.completion_seconds, engine_api_key
        )
    config = render_config(backends, port, limits, paths, engine_api_key, webui, monitoring)
    return {**files, paths.of("config"): config}


def differing_files(files: Mapping[str, str], checksums: str) -> list[str]:
    """Return the paths of `files` (content by path) to write on the gateway, in their order: those that differ.

    `checksums` is the output of `sha256sum`, which has no line for a file that does not exist. Map files of clients
    are written only if they do not exist: those of a deployed gateway may be newer than `files`.
    """
    there = {path: checksum for checksum, _, path in (line.partition("  ") for line in checksums.splitlines())}
    kept = {path for path in there if PurePosixPath(path).suffix == ".map" and PurePosixPath(path).stem in CLIENT_MAPS}
    return [
        path
        for path, text in files.items()
        if path not in kept and there.get(path) != hashlib.sha256(text.encode()).hexdigest()
    ]


def host_names(names: Iterable[str]) -> list[str]:
    """Return the names and addresses in a certificate for gateways with these names and addresses."""
    return sorted({*names, INTERNAL_NAME, "localhost", "127.0.0.1"})


def ipv6_address(names: Iterable[str]) -> str:
    """Return on which IPv6 address gateways with these names and addresses listen; empty: on none.

    HAProxy does not start where IPv6 is disabled. A host whose address is one of IPv6 has it.
    """
    return "::" if any(":" in name for name in names) else ""
