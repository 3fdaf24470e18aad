"""A custom component needs one file: all code that handles components handles it."""

import re

import pytest

from inferfleet.components import (
    GROUPS,
    health_results,
    host_ports,
    http_checks,
    images,
    load_components,
    packages,
    settings_read,
)
from inferfleet.components.loader import load_folders
from inferfleet.fabric import mesh_ports
from inferfleet.inventory import Inventory
from inferfleet.inventory.facts import Host
from inferfleet.inventory.ports import check_ports, ports_of
from inferfleet.planner.checks import run_checks
from inferfleet.settings import Settings

DEFAULTS = Settings().model_dump()
NODE = {"distribution": {"id": "debian", "id_like": "", "version_id": "12"}, "disk": {}}


def refusals(components, groups, **settings):
    inventory = Inventory(groups, {host: DEFAULTS | settings for hosts in groups.values() for host in hosts})
    return [(problem.code, str(problem)) for problem in check_ports(inventory, components)]


def test_port_conflict_is_refused(components):
    groups = {"ray_head": ["n1"], "webui": ["n1"]}
    assert refusals(components, groups, webui_port=9256) == [
        (
            "port-clash",
            "Port 9256 is assigned to both Process exporter and webui_port (n1). Set webui_port to another port.",
        )
    ]
    assert refusals(components, {"ray_head": ["n1"], "webui": ["n2"]}, webui_port=9256) == []


def test_two_fixed_ports_conflict_on_one_host(folder, components):
    text = (folder / "exporter.yml").read_text()
    (folder / "other.yml").write_text(
        text.replace("Process exporter", "Other exporter").replace("process-exp", "other-exp")
    )
    load_folders.cache_clear()
    assert refusals(load_components(folder), {"ray_head": ["n1"]}) == [
        (
            "port-clash",
            "Port 9256 is assigned to both Process exporter and Other exporter (n1)."
            " Run Other exporter on another host.",
        )
    ]


def test_udp_and_tcp_ports_do_not_conflict(folder):
    file = folder / "exporter.yml"
    file.write_text(file.read_text().replace("number: 9256", "number: 9256, protocol: udp"))
    assert refusals(load_components(folder), {"ray_head": ["n1"], "webui": ["n1"]}, webui_port=9256) == []


def test_port_in_use_is_refused(components):
    ports = ports_of(Settings(), ["probes"], components)
    assert ports == {"Process exporter": 9256}
    (problem,) = run_checks(Host("n1", NODE | {"listening": {"9256": "nginx"}}, ports))
    assert (problem.code, str(problem)) == (
        "port-taken",
        "Port 9256 of Process exporter is in use on n1 by nginx. Stop that program.",
    )


@pytest.mark.parametrize(("group", "reached"), [("ray_head", True), ("ray_worker", True), ("webui", False)])
def test_reachability_of_its_port(components, group, reached):
    assert (9256 in mesh_ports(DEFAULTS, [group], 29450, components)) is reached


def test_without_its_file_the_component_does_not_exist():
    assert 9256 not in {port.first for port in host_ports(DEFAULTS, ["ray_head", "probes", "webui"])}
    assert 9256 not in mesh_ports(DEFAULTS, ["ray_head"], 29450)


def test_image_is_bundled_and_removed_on_reset(components):
    plan = {"image": "engine:1", "webui_image": "", "executor": "ray"}
    exporter = "docker.io/ncabatoff/process-exporter:0.8.7"
    assert images(plan, ["ray_head"], components) == ["engine:1", exporter]
    assert images(plan | {"webui_image": "page:1"}, None, components) == ["engine:1", exporter, "page:1"]
    assert images(plan | {"webui_image": "page:1"}, ["webui"], components) == ["page:1"]


def test_packages_of_a_unit_are_bundled(folder):
    file = folder / "exporter.yml"
    unit = file.read_text().replace("container: inf", "packages: [prometheus-process-exporter]\nunit: inf")
    file.write_text(re.sub("image: .*\n", "", unit))
    components = load_components(folder)
    assert packages({}, ["probes"], components) == ["nftables", "prometheus-process-exporter"]
    assert packages({}, ["webui"], components) == ["nftables"]
    assert "process-exporter" not in str(images({"image": "engine:1"}, ["probes"], components))


def test_status_is_checked_on_its_hosts(components):
    check = {"title": "Process exporter", "port": 9256, "path": "/metrics"}
    assert http_checks(DEFAULTS, ["probes"], components) == [check]
    assert http_checks(DEFAULTS, ["ray_head", "webui"], components) == [check]
    assert http_checks(DEFAULTS, ["webui"], components) == []


def test_settings_read_are_sufficient():
    named = {name: DEFAULTS[name] for name in settings_read()}
    assert [port.first for port in host_ports(named, GROUPS)] == [port.first for port in host_ports(DEFAULTS, GROUPS)]


def test_health_results():
    item = {"title": "Process exporter", "port": 9256, "path": "/metrics"}
    refused = "Status code was -1 and not [200]: Request failed: Connection refused"
    answers = {
        "n1": [{"item": item, "status": 200, "msg": "OK (1 bytes)"}],
        "n2": [{"item": item, "status": -1, "msg": refused}],
    }
    shown = [
        (result["name"]["message"], result["ok"], result["detail"]["message"]) for result in health_results(answers)
    ]
    assert shown == [
        ("Process exporter on n1", True, "HTTP 200"),
        ("Process exporter on n2", False, f"no response: {refused}"),
    ]
