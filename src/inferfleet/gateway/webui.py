"""Open WebUI behind the gateway."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from inferfleet.gateway.certificate import dns_and_addresses

_HTTPS = 443


@dataclass(frozen=True)
class Webui:
    """Where the gateway listens for browsers, and to which address with its port it forwards."""

    port: int
    server: str

    @classmethod
    def from_dict(cls, form: Mapping[str, Any]) -> "Webui | None":
        """Return it from the JSON form of a plan; None without Open WebUI."""
        return cls(int(form["port"]), str(form["server"])) if form["port"] else None


def authority(host: str, port: int) -> str:
    """Return host and port as in a URL: an IPv6 address is in brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def webui_origins(gateway: Mapping[str, Any]) -> list[str]:
    """Return the origins (RFC 6454) of Open WebUI's page behind the gateway, whose plan is given in JSON form.

    Open WebUI refuses web sockets of other origins. Names with a wildcard are omitted: an origin has no wildcard.
    """
    names = [*gateway["names"]]
    if gateway["certificate"]:
        names += dns_and_addresses(Path(gateway["certificate"]).read_text("utf-8"))
    return list(_origins(names, gateway["webui"]["port"]))


def _origins(names: Iterable[str], port: int) -> Iterable[str]:
    for name in dict.fromkeys(names):
        if "*" not in name:
            # A browser omits the default port.
            yield f"https://{authority(name, port)}".removesuffix(f":{_HTTPS}")
