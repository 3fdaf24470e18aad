"""A component is one file: everything that handles components handles it too."""

import pytest

from inferfleet.components import host_ports
from inferfleet.fabric import mesh_ports
from inferfleet.inventory import Inventory
from inferfleet.inventory.facts import check_node
from inferfleet.inventory.ports import check_ports, ports_of
from inferfleet.settings import Settings

DEFAULTS = Settings().model_dump()
NODE = {"distribution": {"id": "debian", "id_like": "", "version_id": "12"}, "disk": {}}


def refusals(components, groups, **settings):
    inventory = Inventory(groups, {host: DEFAULTS | settings for hosts in groups.values() for host in hosts})
    return [(problem.code, str(problem)) for problem in check_ports(inventory, components)]


def test_a_clash_with_its_port_is_refused(components):
    groups = {"ray_head": ["n1"], "webui": ["n1"]}
    assert refusals(components, groups, webui_port=9100) == [
        (
            "port-clash",
            "Port 9100 is given to Node exporter and to webui_port (n1). Set webui_port to another port.",
        )
    ]
    assert refusals(components, {"ray_head": ["n1"], "webui": ["n2"]}, webui_port=9100) == []


def test_two_fixed_ports_cannot_share_a_host(folder, components):
    from inferfleet.components import load_components

    text = (folder / "exporter.yml").read_text()
    (folder / "other.yml").write_text(text.replace("Node exporter", "Other exporter").replace("node-exp", "other-exp"))
    load_components.cache_clear()
    assert refusals(load_components(folder), {"ray_head": ["n1"]}) == [
        (
            "port-clash",
            "Port 9100 is given to Node exporter and to Other exporter (n1). Run Other exporter on another host.",
        )
    ]


def test_a_port_of_udp_clashes_with_none_of_tcp(folder):
    from inferfleet.components import load_components

    file = folder / "exporter.yml"
    file.write_text(file.read_text().replace("number: 9100", "number: 9100, protocol: udp"))
    assert refusals(load_components(folder), {"ray_head": ["n1"], "webui": ["n1"]}, webui_port=9100) == []


def test_a_program_on_its_port_is_refused(components):
    ports = ports_of(Settings(), ["monitoring"], components)
    assert ports == {"Node exporter": 9100}
    (problem,) = check_node("n1", NODE | {"listening": {"9100": "nginx"}}, ports, {})
    assert (problem.code, str(problem)) == (
        "port-taken",
        "Port 9100 of Node exporter is taken on n1 by nginx. Stop that program.",
    )


@pytest.mark.parametrize(("group", "reached"), [("ray_head", True), ("ray_worker", True), ("webui", False)])
def test_its_port_must_be_reached_where_it_runs(components, group, reached):
    assert (9100 in mesh_ports(DEFAULTS, [group], 29450, components)) is reached


def test_without_its_file_nothing_of_it_is_there():
    assert 9100 not in {port.first for port in host_ports(DEFAULTS, ["ray_head", "monitoring", "webui"])}
    assert 9100 not in mesh_ports(DEFAULTS, ["ray_head"], 29450)
