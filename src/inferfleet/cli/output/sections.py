"""Rows that any playbook may report about a service: addresses and checks."""

from collections.abc import Mapping
from typing import Any

from inferfleet.cli.output.row import Row
from inferfleet.cli.output.text import shown, tr
from inferfleet.messages import N_

_API, _ENGINE = N_("OpenAI-compatible API"), N_("API of the engine")
"""Names of endpoints that playbooks report; the second one is behind the gateway."""


def standard_blocks(result: Mapping[str, Any], succeeded: bool) -> list[list[Row]]:
    """Return the blocks of a command without a summary of its own."""
    return [service_rows(result), check_rows(result)] if succeeded else [check_rows(result)]


def service_rows(result: Mapping[str, Any]) -> list[Row]:
    """Return the addresses of the service and its credentials."""
    rows: list[Row] = []
    gateway, endpoints = result.get("gateway"), [*mappings(result.get("endpoints"))]
    if isinstance(gateway, Mapping):
        labels = (("url", _API), ("ca_file", N_("CA certificate")), ("key_file", N_("client key in")))
        rows += [Row(tr(label), str(gateway[key])) for key, label in labels if gateway.get(key)]
    webui = result.get("webui")
    if isinstance(webui, Mapping) and webui.get("url"):
        rows.append(Row("Open WebUI", str(webui["url"])))
        if webui.get("email"):
            email, file = str(webui["email"]), webui.get("password_file")
            known = tr(N_("{email}, password in {file}"), email=email, file=shown(file)) if file else email
            rows.append(Row(tr(N_("sign in as")), known))
    rows += [Row(shown(item.get("name")), str(item.get("url"))) for item in endpoints]
    behind = any(item.get("name") == _ENGINE for item in endpoints)
    of_engine = N_("key of the engine in") if behind else N_("API key in")
    for key, label in (("api_key_file", of_engine), ("model", N_("model")), ("report", N_("report"))):
        if result.get(key):
            rows.append(Row(tr(label), shown(result[key])))
    return rows


def check_rows(result: Mapping[str, Any]) -> list[Row]:
    """Return a row for each check of the service."""
    return [
        Row(shown(item.get("name")), shown(item.get("detail") or ""), holds=bool(item.get("ok")))
        for item in mappings(result.get("verification"))
    ]


def broken(result: Mapping[str, Any]) -> bool:
    """Return whether a check of any service failed."""
    return any(not part.get("ok") for own in by_service(result).values() for part in mappings(own.get("verification")))


def by_service(result: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """Return the results by service name; the key is "" for a single service, and for shared results."""
    services = result.get("services")
    if not isinstance(services, Mapping):
        return {"": result}
    shared = {name: value for name, value in result.items() if name != "services"}
    return ({"": shared} if shared else {}) | {str(name): own for name, own in services.items()}


def mappings(items: Any) -> list[Mapping[str, Any]]:
    """Return the mappings in a list; empty if `items` is not a list."""
    return [item for item in items if isinstance(item, Mapping)] if isinstance(items, list) else []
