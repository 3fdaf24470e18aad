"""Generate components.md in both languages from the components' files."""

from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

from tools.headings import translated_heading

from inferfleet.components import Component, Port, load_components
from inferfleet.messages import N_, gettext
from inferfleet.settings import Settings

DOCS = Path(__file__).resolve().parents[1] / "docs"
_TITLE = N_("Components and ports")
_PURPOSE = N_("""\
Find the ports to open in a firewall of the site, and the files on the nodes. The
[node firewall](network.md#node-firewall) closes all ports but those for clients to other hosts. Test the ports between
your nodes with""")
_ORIGIN = N_("""\
This page is generated from `src/inferfleet/components/*.yml`, one file for each component, by `make references`; edit
those files. The port check, `inferfleet fabric`, `status`, `doctor`, air-gap bundles and `reset.yml` read them too.""")
_COMPONENTS, _PORTS, _FILES = N_("Components"), N_("Ports"), N_("Files and data on the nodes")
_COMPONENT_COLUMNS = (N_("Component"), N_("Groups"), N_("Runs as"), N_("Condition"), N_("Secrets"), N_("Ansible role"))
_PORT_COLUMNS = (N_("Port"), N_("Component"), N_("Setting"), N_("Listening groups"), N_("Clients"))
_FILE_COLUMNS = (N_("Path"), N_("Component"), N_("Use"))
_REACHED_BY = {
    "clients": N_("clients"),
    "fronted": N_("hosts of the inventory (clients only with `gateway_enabled: false`)"),
    "nodes": N_("nodes of the service"),
    "head": N_("the head node"),
    "localhost": N_("localhost only"),
}
_NOTES = N_("""\
Nodes of a service also connect to ports that the system assigns to NCCL and Gloo (usually 32768 to 60999), and to the
engine's own (`peer_ports` in its `engine.yml`); `inferfleet fabric` tests them from every node. Engines also listen on
ports that no other host needs (`internal_ports`).""")
_REMOVAL = N_("`playbooks/reset.yml` removes all of these, in reverse order of deployment.")
_TO = N_("to")
_PUNCTUATION = {"en": (", ", ", "), "zh": ("，", "、")}
"""Comma and the separator of a list, by language."""


def outputs() -> Iterator[tuple[Path, str]]:
    """Yield each generated page with its content."""
    for language in _PUNCTUATION:
        yield DOCS / language / "components.md", render(load_components(), language)


def render(components: Sequence[Component], language: str) -> str:
    """Return the page in a language."""
    fronted = {name for component in components for name in component.fronts}
    ports = [row for component in components for row in _port_rows(component, fronted, language)]
    files = [row for component in components for row in _file_rows(component, language)]
    purpose, origin, notes, removal = (gettext(text, language) for text in (_PURPOSE, _ORIGIN, _NOTES, _REMOVAL))
    return "\n".join(
        [
            *(
                f"# {gettext(_TITLE, language)}",
                "",
                purpose,
                "",
                "    inferfleet fabric -i inventories/mine",
                "",
                origin,
            ),
            *("", translated_heading(2, _COMPONENTS, language), ""),
            *_table(_COMPONENT_COLUMNS, (_component_row(component, language) for component in components), language),
            *("", translated_heading(2, _PORTS, language), ""),
            *_table(_PORT_COLUMNS, ports, language),
            *("", notes, "", translated_heading(2, _FILES, language), ""),
            *_table(_FILE_COLUMNS, files, language),
            *("", removal, ""),
        ]
    )


def _component_row(component: Component, language: str) -> tuple[str, ...]:
    kind = gettext(N_("container") if component.container else N_("unit"), language)
    only = ", ".join(f"`{key}: {str(value).lower()}`" for key, value in component.only.items())
    return (
        gettext(component.title, language),
        _codes(component.groups),
        f"{kind} `{component.container or component.unit}`",
        only,
        _codes(component.secrets),
        f"`{component.role}`",
    )


def _port_rows(component: Component, fronted: Collection[str], language: str) -> Iterator[tuple[str, ...]]:
    comma, separator = _PUNCTUATION[language]
    for port in component.ports:
        title, purpose = gettext(component.title, language), gettext(port.purpose, language)
        option = f"{comma}`{purpose}`" if purpose.startswith("-") else f"{comma}{purpose}" if purpose else ""
        use = purpose if port.purpose.startswith(component.title) else f"{title}{option}"
        who = dict.fromkeys(
            "fronted" if name == "clients" and component.name in fronted else name for name in port.reached_by
        )
        reached = separator.join(gettext(_REACHED_BY[name], language) for name in who)
        setting = f"`{port.setting}`" if port.setting else ""
        yield _number(port, language), use, setting, _codes(port.groups or component.groups), reached


def _number(port: Port, language: str) -> str:
    value = getattr(Settings(), port.setting) if port.setting else 0
    if not value and port.number == "engine":
        return gettext(N_("the engine's default"), language)
    first = int(value or port.number) + port.offset
    last = f" {gettext(_TO, language)} {port.last}" if port.last else ""
    return f"{first}{last}/{port.protocol}"


def _file_rows(component: Component, language: str) -> Iterator[tuple[str, ...]]:
    title = gettext(component.title, language)
    for path in component.files.values():
        yield f"`{path}`", title, gettext(N_("configuration"), language)
    for data in component.data:
        use = gettext(N_("data"), language)
        yield f"`{data.path}`", title, use + (f" (`{data.variable}`)" if data.variable else "")
    for volume in component.volumes:
        yield f"`{volume}`", title, gettext(N_("Docker volume"), language)


def _codes(names: Sequence[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _table(columns: Sequence[str], rows: Iterator[tuple[str, ...]] | list[tuple[str, ...]], language: str) -> list[str]:
    head = [gettext(column, language) for column in columns]
    return [f"| {' | '.join(cells)} |" for cells in (head, ["---"] * len(head), *rows)]
