"""Ports that a node listens on, and conflicts between them."""

import pytest
from tests.unit.inventory.parameters import codes, found

from inferfleet.components import load_component
from inferfleet.inventory.ports import ports_of, variable
from inferfleet.planner.ray_args import WORKER_PORTS, node_ports, ray_argv
from inferfleet.settings import Settings

DEFAULTS = Settings()
COMPONENTS = [load_component(name) for name in ("ray", "engine", "webui")]
FOLLOWING = {
    "ray_port (for --node-manager-port)": 6380,
    "ray_port (for --object-manager-port)": 6381,
    "ray_port (for --runtime-env-agent-port)": 6382,
    "ray_port (for --dashboard-agent-grpc-port)": 6383,
    "ray_port (for --dashboard-agent-listen-port)": 6384,
    "ray_port (for --metrics-export-port)": 6385,
}
HEAD = {"engine_port": 8000, "ray_port": 6379, "ray_dashboard_port": 8265, **FOLLOWING}
CLIENT = {"Ray (for --ray-client-server-port)": 10001}


@pytest.mark.parametrize(
    ("executor", "groups", "ports"),
    [
        ("ray", ["ray_head", "webui"], {**HEAD, **CLIENT, "webui_port": 3000}),
        ("ray", ["ray_worker"], FOLLOWING),
        ("ray", ["webui"], {"webui_port": 3000}),
        ("mp", ["ray_head"], {"engine_port": 8000}),
        ("mp", ["ray_worker"], {}),
    ],
)
def test_ports_by_group(executor, groups, ports):
    assert ports_of(Settings(executor=executor), groups, COMPONENTS) == ports


def test_variable_of_a_port():
    assert {variable(name) for name in HEAD} == {"engine_port", "ray_port", "ray_dashboard_port"}


def test_port_conflict(build):
    clash = {"port": 8000, "names": ["engine_port"], "last": "webui_port", "name": "webui_port", "hosts": ["node1"]}
    assert found(build(webui_port=8000)) == [("port-clash", clash)]


def test_ports_given_as_text_conflict_as_well(build):
    [(code, parameters)] = found(build(webui_port="8000", ray_port="6000"))
    assert (code, parameters["port"], parameters["last"]) == ("port-clash", 8000, "webui_port")


def test_same_port_on_different_hosts(build):
    groups = {"ray_head": ["node1"], "webui": ["node2"]}
    assert found(build(groups=groups, webui_port=8000)) == []


def test_conflict_with_a_ray_port(build):
    [(code, parameters)] = found(build(engine_port=6380, executor="ray"))
    assert (code, parameters["port"], parameters["name"]) == ("port-clash", 6380, "engine_port")
    assert (parameters["names"], parameters["last"]) == (["engine_port"], "ray_port (for --node-manager-port)")
    assert found(build(engine_port=6380, executor="mp")) == []


def test_conflict_with_ray_worker_ports(build):
    span = {"first": 20000, "last": 20999, "user": "Ray's workers"}
    setting = {"port": 20500, "name": "engine_port", "setting": "engine_port"}
    assert found(build(engine_port=20500, executor="ray")) == [("port-clash", {**span, **setting, "hosts": ["node1"]})]
    assert found(build(engine_port=20500, executor="mp")) == []


def test_ray_port_too_high(build):
    most = {"name": "ray_port", "value": 65535, "title": "Ray", "following": 6, "highest": 65529}
    assert found(build(ray_port=65535, executor="ray")) == [("bad-value", {**most, "hosts": "all hosts"})]
    assert found(build(ray_port=65529, executor="ray")) == []


def test_ports_are_not_checked_with_missing_settings(build):
    assert codes(build(drop=("executor",))) == ["no-defaults"]


def test_ray_ports_are_fixed_and_unique():
    ports = node_ports(6379)
    assert len(set(ports.values())) == len(ports)
    assert 6379 not in ports.values()
    assert not set(ports.values()) & set(range(WORKER_PORTS[0], WORKER_PORTS[1] + 1))


def test_ray_argv_of_a_head():
    assert ray_argv(DEFAULTS, "head", "10.0.0.1", "10.0.0.1", 8) == [
        *("ray", "start", "--block", "--disable-usage-stats", "--node-ip-address=10.0.0.1"),
        *("--head", "--port=6379", "--include-dashboard=true", "--dashboard-host=127.0.0.1", "--dashboard-port=8265"),
        *("--node-manager-port=6380", "--object-manager-port=6381", "--runtime-env-agent-port=6382"),
        *("--dashboard-agent-grpc-port=6383", "--dashboard-agent-listen-port=6384", "--metrics-export-port=6385"),
        *("--min-worker-port=20000", "--max-worker-port=20999", "--num-gpus=8"),
    ]


def test_ray_argv_of_a_worker():
    argv = ray_argv(Settings(ray_port=7000), "worker", "10.0.0.2", "10.0.0.1", 1)
    assert argv[:6] == [
        *("ray", "start", "--block", "--disable-usage-stats", "--node-ip-address=10.0.0.2", "--address=10.0.0.1:7000")
    ]
    assert "--node-manager-port=7001" in argv
    assert "--head" not in argv


@pytest.mark.parametrize(("engine", "port"), [("vllm", 8000), ("auto", 8000), ("sglang", 30000), ("lmdeploy", 23333)])
def test_default_port_of_an_engine(engine, port):
    settings = Settings(engine=engine, executor="mp")
    assert ports_of(settings, ["ray_head"], COMPONENTS) == {"engine_port": port}
    other = settings.model_copy(update={"engine_port": 9000})
    assert ports_of(other, ["ray_head"], COMPONENTS) == {"engine_port": 9000}
