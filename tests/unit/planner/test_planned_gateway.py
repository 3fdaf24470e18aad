"""The gateway in the plan of the cluster: its hosts, address and replicas, and its problems."""

import pytest

from inferfleet.cli.commands.plan import form_of, print_cluster
from inferfleet.cli.output.console import make_console
from inferfleet.inventory import Inventory
from inferfleet.planner import plan_cluster
from inferfleet.planner.virtual_address import without_address
from inferfleet.planner.webui import WebuiPlan
from inferfleet.settings import Settings

VALUES = Settings(
    model="deepseek-r1-distill-qwen-1.5b", accelerator="H200-141G", accelerators_per_node=1, executor="ray"
).model_dump()
GROUPS = {"ray_head": ["n1"], "ray_worker": ["n2"], "webui": ["n1"]}


def cluster(groups=None, facts=None, **variables):
    given = {**GROUPS, **(groups or {})}
    names = dict.fromkeys(host for hosts in given.values() for host in hosts)
    hosts = {name: {**VALUES, "ansible_host": f"10.0.0.{i}", **variables} for i, name in enumerate(names, 1)}
    return plan_cluster(Inventory(given, hosts), facts or {})


def codes(planned):
    return [problem.code for problem in planned.problems]


def test_head_of_the_first_service_is_the_gateway():
    planned = cluster()
    assert codes(planned) == []
    assert (dict(planned.gateway.hosts), planned.gateway.url) == ({"n1": "10.0.0.1"}, "https://10.0.0.1:8443")
    (model,) = planned.gateway.as_dict()["models"]
    assert model["model"] == "deepseek-r1-distill-qwen-1.5b"
    replicas = [(replica["address"], replica["port"]) for replica in model["replicas"]]
    assert replicas == [("10.0.0.1", 8000), ("10.0.0.2", 8000)], "a replica on each node"
    assert model["replicas"][0]["capacity"] == planned.plans[0].max_num_seqs * planned.plans[0].data_parallel_size


def test_group_of_the_inventory_has_precedence():
    planned = cluster({"gateway": ["gw1", "n2"]})
    assert dict(planned.gateway.hosts) == {"gw1": "10.0.0.3", "n2": "10.0.0.2"}
    assert planned.gateway.url == "https://10.0.0.3:8443"


def test_engine_without_http_has_no_gateway():
    groups = {"service_demo": ["n1"], "service_chat": ["n2"], "ray_head": ["n1", "n2"], "ray_worker": []}
    demo = {**VALUES, "engine": "deepseek-infer", "model": "deepseek-r1", "executor": "auto"}
    demo |= {"accelerators_per_node": 8, "webui_port": VALUES["webui_port"]}
    hosts = {"n1": {**demo, "ansible_host": "10.0.0.1"}, "n2": {**VALUES, "ansible_host": "10.0.0.2"}}
    planned = plan_cluster(Inventory({**groups, "webui": []}, hosts))
    assert [plan.protocol for plan in planned.plans] == ["none", "openai"]
    assert [*planned.gateway.hosts] == ["n2"], "the head of the first service with HTTP"
    alone = plan_cluster(Inventory({"ray_head": ["n1"], "ray_worker": [], "webui": []}, {"n1": hosts["n1"]}))
    assert (alone.problems, dict(alone.gateway.hosts), alone.gateway.url) == ([], {}, "")


def test_switched_off_gateway_is_a_warning():
    planned = cluster(gateway_enabled=False)
    assert (dict(planned.gateway.hosts), codes(planned)) == ({}, [])
    assert "gateway-disabled" in {warning.code for warning in planned.plans[0].warnings}
    assert "gateway-disabled" not in {warning.code for warning in cluster().plans[0].warnings}
    assert codes(cluster({"gateway": ["n2"]}, gateway_enabled=False)) == ["gateway-disabled"]


@pytest.mark.parametrize("setting", ["webui_port", "engine_port", "ray_port"])
@pytest.mark.parametrize("port", ["gateway_port", "gateway_webui_port"])
def test_port_of_another_component_on_its_host_is_refused(setting, port):
    assert codes(cluster(**{setting: 8900, port: 8900})) == ["port-clash"]
    elsewhere = {"gateway": ["gw1"]}
    assert codes(cluster(elsewhere, **{setting: 8900, port: 8900})) == []


def test_open_webui_is_behind_the_gateway():
    webui = cluster({"gateway": ["gw1", "n1"]}).gateway.webui
    assert (webui.url, webui.server, webui.port) == ("https://10.0.0.3:8444", "10.0.0.1:3000", 8444)
    assert (webui.check_url, webui.gateway) == ("https://gateway.inferfleet.internal:8444", "10.0.0.1"), "on its host"
    assert cluster({"gateway": ["gw1"]}).gateway.webui.gateway == "10.0.0.3"
    assert cluster({"webui": ["ui.example.com"]}).gateway.webui.server == "10.0.0.3:3000"


def test_open_webui_without_a_gateway_has_its_own_port():
    webui = cluster(gateway_enabled=False).gateway.webui
    assert (webui.url, webui.check_url, webui.gateway, webui.port) == (*["http://10.0.0.1:3000"] * 2, "", 0)


@pytest.mark.parametrize("enabled", [True, False])
def test_inventory_without_open_webui_has_no_address_of_it(enabled):
    assert cluster({"webui": []}, gateway_enabled=enabled).gateway.webui == WebuiPlan()


def test_names_of_the_certificate_are_those_of_all_gateways():
    planned = cluster({"gateway": ["gw1", "n1"]}, cluster_address="")
    assert planned.gateway.names == ("gw1", "10.0.0.3", "n1", "10.0.0.1")


def test_port_in_use_and_old_haproxy_are_found_on_its_host():
    node = {"listening": {"8443": "nginx"}, "distribution": {"id": "debian", "id_like": "", "version_id": "11"}}
    assert codes(cluster(facts={"n1": node})) == ["port-taken", "haproxy-too-old"]
    assert codes(cluster(facts={"n2": node})) == []
    newer = {"distribution": {**node["distribution"], "version_id": "12"}}
    assert codes(cluster(facts={"n1": newer})) == []


def test_settings_of_clients_and_certificate_are_checked():
    clients = [{"name": "app", "models": ["typo"]}]
    assert codes(cluster(api_clients=clients)) == ["unknown-model"]
    assert codes(cluster(gateway_certificate="/missing.pem")) == ["certificate-incomplete", "file-not-readable"]
    assert codes(cluster(api_clients=clients, gateway_enabled=False)) == []


@pytest.mark.parametrize("enabled", [True, False])
def test_plan_prints_the_way_of_a_request(enabled, capsys):
    planned = cluster(gateway_enabled=enabled)
    print_cluster(make_console(), planned)
    printed = capsys.readouterr().out
    assert ("https://10.0.0.1:8443" in printed) is enabled
    assert ("http://10.0.0.2:8000" in printed) is enabled
    assert ("https://10.0.0.1:8444" in printed) is enabled
    form = form_of(planned)["gateway"]
    assert (form["url"] if form else "") == ("https://10.0.0.1:8443" if enabled else "")


VIRTUAL = {"gateway_virtual_address": "10.0.0.100/24"}
TWO = {"gateway": ["n1", "n2"]}


def test_clients_use_the_virtual_address_of_two_gateways():
    planned = cluster(TWO, **VIRTUAL)
    assert codes(planned) == []
    form = planned.gateway.as_dict()
    assert (form["url"], form["webui"]["url"]) == ("https://10.0.0.100:8443", "https://10.0.0.100:8444")
    assert (form["virtual_address"], form["names"][0]) == ("10.0.0.100/24", "10.0.0.100")


@pytest.mark.parametrize(
    ("groups", "address", "expected"),
    [
        ({}, "10.0.0.100/24", ["virtual-address-alone"]),
        ({"gateway": ["n1"]}, "10.0.0.100/24", ["virtual-address-alone"]),
        (TWO, "10.0.0.2/24", ["virtual-address-of-host"]),
        (TWO, "", []),
    ],
)
def test_virtual_address_needs_two_gateways_and_is_that_of_no_host(groups, address, expected):
    assert codes(cluster(groups, gateway_virtual_address=address)) == expected
    assert codes(cluster(gateway_virtual_address=address, gateway_enabled=False)) == []


def test_virtual_address_is_in_a_network_of_each_gateway():
    def facts(network):
        return {"interfaces": [{"name": "eth0", "addresses": ["10.0.0.2"], "prefixes": [f"10.0.0.2/{network}"]}]}

    assert codes(cluster(TWO, facts={"n2": facts(24)}, **VIRTUAL)) == []
    planned = cluster(TWO, facts={"n2": facts(28)}, **VIRTUAL)
    assert codes(planned) == ["virtual-address-outside"]
    assert planned.problems[0].parameters["known"] == ["10.0.0.2/28"]


def test_held_virtual_address_is_no_address_of_the_node():
    held = [{"name": "eth0", "addresses": ["10.0.0.100", "10.0.0.2"], "prefixes": ["10.0.0.100/24", "10.0.0.2/24"]}]
    assert without_address({"interfaces": held, "disk": {}}, "10.0.0.100/24") == {
        "interfaces": [{"name": "eth0", "addresses": ["10.0.0.2"], "prefixes": ["10.0.0.2/24"]}],
        "disk": {},
    }
    assert without_address({"interfaces": held}, "") == {"interfaces": held}


def test_monitoring_requires_its_packages_on_every_host():
    def on(name, version):
        return {"distribution": {"id": name, "id_like": "", "version_id": version}}

    facts = {"n1": on("debian", "12"), "n2": on("openeuler", "22.03")}
    assert codes(cluster({"monitoring": ["n1"]}, facts)) == ["monitoring-unsupported"]
    planned = cluster({"monitoring": ["m1"]}, {"n1": on("ubuntu", "22.04"), "m1": on("rocky", "9.4")})
    (problem,) = planned.problems
    assert (problem.parameters["host"], problem.parameters["supported"]) == ("m1", ["Debian", "Ubuntu"])
    assert codes(cluster({"monitoring": []}, facts)) == []
