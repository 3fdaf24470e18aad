"""Which ports the node firewall closes on a host."""

from itertools import pairwise
from typing import Any

import pytest

from inferfleet.components import GROUPS, Component, Port, load_components
from inferfleet.components.schema import Health
from inferfleet.engines import load_engines
from inferfleet.firewall import closed_ports, without
from inferfleet.settings import Settings

PLANNED: dict[str, Any] = {"executor": "mp", "data_parallel_size": 1, "engine_port": 8000}
EPHEMERAL = (32768, 60999)
SUPERVISOR = (8406, 8406)
RAY = [(6379, 6385), (8265, 8265), (10001, 10001), (20000, 20999)]


def tcp(groups, *, gateway=False, others=(), **changes):
    settings = vars(Settings()) | PLANNED | changes
    return closed_ports(settings, groups, gateway=gateway, others=others)["tcp"]


@pytest.mark.parametrize(
    ("groups", "changes", "closed"),
    [
        (["ray_head"], {}, [(29501, 29501)]),
        (["ray_worker"], {}, []),
        (["ray_head"], {"data_parallel_size": 2}, [(29501, 29501), (29550, 29550)]),
        (["ray_head"], {"executor": "ray"}, RAY),
        (["ray_worker"], {"executor": "ray"}, [(6380, 6385), (20000, 20999)]),
        (["ray_head"], {"executor": "ray", "ray_port": 7000}, [(7000, 7006), *RAY[1:]]),
        (["ray_head"], {"engine": "sglang", "engine_port": 30000}, [(20000, 20099), (30100, 31000)]),
        (["ray_worker"], {"engine": "sglang", "engine_port": 0}, [(20001, 20099), (30000, 30000), (30100, 31000)]),
        (["ray_worker"], {"engine": "tensorrt-llm"}, [(29550, 29550)]),
        (["ray_head"], {"engine": "sglang", "engine_port": 65500}, [(20000, 20099)]),
    ],
)
def test_ports_of_serving_hosts(groups, changes, closed):
    assert tcp(groups, **changes) == [*sorted([*closed, SUPERVISOR]), EPHEMERAL]


def test_ranges_end_at_the_last_port():
    assert tcp(["ray_head"], engine="sglang", engine_port=64600)[-1] == (64700, 65535)


def test_ports_for_clients_stay_open_without_a_gateway():
    open_ports = {8000, 3000}
    spans = tcp(["ray_head", "webui"], executor="ray")
    assert not any(first <= port <= last for first, last in spans for port in open_ports)


def test_gateway_closes_the_ports_behind_it_and_no_other_port_for_clients():
    before, after = (tcp(["ray_head", "gateway", "webui"], gateway=gateway) for gateway in (False, True))
    assert [span for span in after if span not in before] == [(3000, 3000), (8000, 8000)]
    assert (8404, 8407) in after  # its own health checks, the supervisor, and its metrics
    assert not any(first <= port <= last for first, last in after for port in (8443, 8444, 8445))


@pytest.mark.parametrize("port", ["engine_port", "webui_port", "gateway_port", "gateway_webui_port"])
def test_port_for_clients_among_the_ephemeral_ports_stays_open(port):
    assert [EPHEMERAL[0], 39999] == [*tcp(["ray_head", "gateway", "webui"], **{port: 40000})[-2]]


def test_gpustack_closes_all_but_its_interface():
    spans = tcp(["ray_head"], engine="gpustack", engine_port=80)
    for port in (10150, 10151, 10161, 30080, 5432, 15020, 19090, 13000, 40000, 41999):
        assert any(first <= port <= last for first, last in spans), port
    assert not any(first <= 80 <= last for first, last in spans)


@pytest.mark.parametrize("group", ["webui", "gateway"])
def test_hosts_without_ranks_keep_the_ephemeral_ports(group):
    assert EPHEMERAL not in tcp([group], gateway=True)
    assert (8000, 8000) not in tcp([group], gateway=True)


def test_ports_of_roles_are_closed():
    assert (19980, 19980) in tcp(["ray_worker"], others=[19980])


def test_udp_port_of_a_component_is_closed():
    port = Port(number=161, protocol="udp", reached_by=("nodes",))
    agent = Component(
        title="Agent",
        groups=("monitoring",),
        unit="agent.service",
        ports=(port,),
        health=Health(status="rules", table="agent"),
    )
    closed = closed_ports(vars(Settings()) | PLANNED, ["monitoring"], gateway=False, components=[agent])
    assert closed == {"tcp": [], "udp": [(161, 161)]}


@pytest.mark.parametrize("engine", load_engines())
@pytest.mark.parametrize("executor", ["mp", "ray"])
def test_ranges_are_sorted_and_apart(engine, executor):
    spans = tcp(GROUPS, gateway=True, engine=engine, executor=executor, engine_port=0)
    assert all(first <= last for first, last in spans)
    assert all(earlier[1] + 1 < later[0] for earlier, later in pairwise(spans))


@pytest.mark.parametrize(
    ("ports", "left"),
    [
        ([22], [(10, 20)]),
        ([10], [(11, 20)]),
        ([20], [(10, 19)]),
        ([15, 12], [(10, 11), (13, 14), (16, 20)]),
        (range(10, 21), []),
    ],
)
def test_single_ports_are_left_out_of_ranges(ports, left):
    assert without([(10, 20)], ports) == left


def test_every_component_in_front_of_another_has_ports_for_clients():
    fronts = [component for component in load_components() if component.fronts]
    assert [component.name for component in fronts] == ["gateway"]
    assert all(any("clients" in port.reached_by for port in component.ports) for component in fronts)
