"""Generate docs/en/components.md from the components' files."""

from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

from inferfleet.components import Component, Port, load_components
from inferfleet.settings import Settings

TARGET = Path(__file__).resolve().parents[1] / "docs" / "en" / "components.md"
_HEAD = """\
# Components and ports

Find the ports to open in a firewall of the site, and the files on the nodes. The
[node firewall](network.md#node-firewall) closes all ports but those for clients to other hosts. Test the ports between
your nodes with

    inferfleet fabric -i inventories/mine

This page is generated from `src/inferfleet/components/*.yml`, one file for each component, by `make references`; edit
those files. The port check, `inferfleet fabric`, `status`, `doctor`, air-gap bundles and `reset.yml` read them too.
"""
_REACHED_BY = {
    "clients": "clients",
    "fronted": "hosts of the inventory (clients only with `gateway_enabled: false`)",
    "nodes": "nodes of the service",
    "head": "the head node",
    "localhost": "localhost only",
}
_NOTES = """\
Nodes of a service also connect to ports that the system assigns to NCCL and Gloo (usually 32768 to 60999), and to the engine's
own (`peer_ports` in its `engine.yml`); `inferfleet fabric` tests them from every node. Engines also listen on ports
that no other host needs (`internal_ports`).
"""


def outputs() -> Iterator[tuple[Path, str]]:
    """Yield the generated file with its content."""
    yield TARGET, render(load_components())


def render(components: Sequence[Component]) -> str:
    """Return the document."""
    fronted = {name for component in components for name in component.fronts}
    ports = [row for component in components for row in _port_rows(component, fronted)]
    files = [row for component in components for row in _file_rows(component)]
    return "\n".join(
        [
            *(_HEAD, "## Components", ""),
            *_table(
                ("Component", "Groups", "Runs as", "Condition", "Secrets", "Role"), map(_component_row, components)
            ),
            *("", "## Ports", ""),
            *_table(("Port", "Component", "Setting", "Listening groups", "Clients"), ports),
            *("", _NOTES, "## Files and data on the nodes", ""),
            *_table(("Path", "Component", "Use"), files),
            *("", "`playbooks/reset.yml` removes all of these, in reverse order of deployment.", ""),
        ]
    )


def _component_row(component: Component) -> tuple[str, ...]:
    kind = f"container `{component.container}`" if component.container else f"unit `{component.unit}`"
    only = ", ".join(f"`{key}: {str(value).lower()}`" for key, value in component.only.items())
    return component.title, _codes(component.groups), kind, only, _codes(component.secrets), f"`{component.role}`"


def _port_rows(component: Component, fronted: Collection[str]) -> Iterator[tuple[str, ...]]:
    for port in component.ports:
        option = f", `{port.purpose}`" if port.purpose.startswith("-") else f", {port.purpose}" if port.purpose else ""
        use = port.purpose if port.purpose.startswith(component.title) else f"{component.title}{option}"
        who = dict.fromkeys(
            "fronted" if name == "clients" and component.name in fronted else name for name in port.reached_by
        )
        reached = ", ".join(_REACHED_BY[name] for name in who)
        setting = f"`{port.setting}`" if port.setting else ""
        yield _number(port), use, setting, _codes(port.groups or component.groups), reached


def _number(port: Port) -> str:
    value = getattr(Settings(), port.setting) if port.setting else 0
    if not value and port.number == "engine":
        return "the engine's default"
    first = int(value or port.number) + port.offset
    return f"{first}{f' to {port.last}' if port.last else ''}/{port.protocol}"


def _file_rows(component: Component) -> Iterator[tuple[str, ...]]:
    for path in component.files.values():
        yield f"`{path}`", component.title, "configuration"
    for data in component.data:
        yield f"`{data.path}`", component.title, "data" + (f" (`{data.variable}`)" if data.variable else "")
    for volume in component.volumes:
        yield f"`{volume}`", component.title, "Docker volume"


def _codes(names: Sequence[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _table(head: Sequence[str], rows: Iterator[tuple[str, ...]] | Sequence[tuple[str, ...]]) -> Iterator[str]:
    for cells in (head, ["---"] * len(head), *rows):
        yield f"| {' | '.join(cells)} |"
