"""What Prometheus scrapes: the addresses of the plans' components."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from inferfleet.components import load_component
from inferfleet.engines import load_engines
from inferfleet.gateway import authority, metrics_port
from inferfleet.monitoring.prometheus import Target
from inferfleet.supervisor.settings import replica_name

Form = Mapping[str, Any]
"""JSON form of a plan."""
_RAY_PURPOSE = "--metrics-export-port"


def plan_targets(plans: Iterable[Form], gateway: Form, ray_ports: Mapping[str, int]) -> list[Target]:
    """Return the targets of the plans, one a replica, and of the plan of the gateway with that of the monitoring.

    `ray_ports` is setting `ray_port` by head node. Only engines whose metrics are known are scraped: others answer 404.
    """
    monitoring = gateway["monitoring"]
    targets = [target for plan in plans if plan["head"] for target in _of_plan(plan, ray_ports)]
    targets += [_at("gateway", host, gateway["hosts"][host], metrics_port()) for host in gateway["hosts"]]
    targets += [_at("usage", host, gateway["hosts"][host], _port("usage")) for host in gateway["hosts"]]
    targets += [
        _at("node_exporter", host, address, _port("node_exporter")) for host, address in monitoring["nodes"].items()
    ]
    host = monitoring["host"]
    return [
        *targets,
        Target("prometheus", monitoring["prometheus"], host),
        Target("alertmanager", monitoring["alertmanager"], host, path="/alertmanager/metrics"),
    ]


def _of_plan(plan: Form, ray_ports: Mapping[str, int]) -> Iterator[Target]:
    labels = {"replica": replica_name(plan)}
    metrics = load_engines()[plan["engine"]].metrics
    if metrics and plan["protocol"] != "none":
        address = authority(plan["nodes"][plan["head"]]["address"], plan["port"])
        yield Target("engine", address, plan["head"], metrics.path, {**labels, "model": plan["served_model_name"]})
    for node, planned in plan["nodes"].items():
        if plan.get("supervised"):
            yield _at("supervisor", node, planned["address"], _port("supervisor"), labels)
        if plan.get("dcgm_image"):
            yield _at("dcgm", node, planned["address"], _port("dcgm_exporter"), labels)
        if plan["executor"] == "ray":
            offset = next(port.offset for port in load_component("ray").ports if port.purpose == _RAY_PURPOSE)
            yield _at("ray", node, planned["address"], ray_ports[plan["head"]] + offset, labels)


def _at(job: str, node: str, address: str, port: int, labels: Mapping[str, str] | None = None) -> Target:
    return Target(job, authority(address, port), node, labels={**(labels or {})})


def _port(component: str) -> int:
    return int(load_component(component).ports[0].number)
