"""Targets follow from the plans: each replica, its nodes, the gateways and all hosts."""

from tests.unit.gateway.plans import plan

from inferfleet.components import load_component
from inferfleet.monitoring import plan_targets

MONITORING = {
    "host": "m1",
    "prometheus": "10.0.0.9:8409",
    "alertmanager": "10.0.0.9:8410",
    "nodes": {"n1": "10.0.0.1", "n2": "10.0.0.2", "m1": "10.0.0.9"},
}
GATEWAY = {"hosts": {"n1": "10.0.0.1"}, "monitoring": MONITORING}
NODES = {"n1": {"address": "10.0.0.1"}, "n2": {"address": "10.0.0.2"}}


def found(*plans, gateway=GATEWAY):
    targets = plan_targets(plans, gateway, {"n1": 6379, "n2": 6379})
    by_job = {}
    for target in targets:
        by_job.setdefault(target.job, []).append((target.node, target.address, target.labels.get("replica", "")))
    return by_job


def test_targets_of_a_replica_on_two_nodes_with_ray():
    jobs = found(plan("r1", "n1", nodes=NODES, executor="ray", supervised=True))
    assert jobs["engine"] == [("n1", "10.0.0.1:8000", "n1_8000")]
    assert jobs["supervisor"] == [("n1", "10.0.0.1:8406", "n1_8000"), ("n2", "10.0.0.2:8406", "n1_8000")]
    metrics = 6379 + next(p.offset for p in load_component("ray").ports if p.purpose == "--metrics-export-port")
    assert [address for _, address, _ in jobs["ray"]] == [f"10.0.0.1:{metrics}", f"10.0.0.2:{metrics}"]
    assert jobs["gateway"] == [("n1", "10.0.0.1:8407", "")]
    assert [node for node, _, _ in jobs["node_exporter"]] == ["n1", "n2", "m1"]
    assert jobs["alertmanager"] == [("m1", "10.0.0.9:8410", "")]


def test_targets_change_with_replicas_and_nodes():
    replicas = [plan("r1", name, nodes={name: node}, executor="mp") for name, node in NODES.items()]
    assert [replica for _, _, replica in found(*replicas)["engine"]] == ["n1_8000", "n2_8000"]
    assert [replica for _, _, replica in found(replicas[1])["engine"]] == ["n2_8000"]
    left = {**GATEWAY, "monitoring": {**MONITORING, "nodes": {"m1": "10.0.0.9"}}}
    assert [node for node, _, _ in found(gateway=left)["node_exporter"]] == ["m1"]


def test_engines_without_known_metrics_are_not_scraped():
    assert "engine" not in found(plan("r1", "n1", executor="mp", engine="gpustack"))
    assert "engine" not in found(plan("", "n1", executor="mp", protocol="none"))


def test_gpu_metrics_are_those_of_nodes_with_the_exporter():
    assert "dcgm" not in found(plan("r1", "n1", nodes=NODES, executor="mp"))
    gpus = found(plan("r1", "n1", nodes=NODES, executor="mp", dcgm_image="dcgm:1"))
    assert gpus["dcgm"] == [("n1", "10.0.0.1:8413", "n1_8000"), ("n2", "10.0.0.2:8413", "n1_8000")]
