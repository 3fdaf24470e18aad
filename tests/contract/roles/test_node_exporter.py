"""The address of node_exporter."""


def test_ipv6_address_is_in_brackets(rendered):
    others = ("debian11", "debian13", "ubuntu2204", "rocky9", "openeuler2203", "kylinv10")
    nodes = {"debian12": "10.0.0.1", "ubuntu2404": "fd00::1"}
    facts = {"inferfleet_gateway": {"monitoring": {"nodes": {**dict.fromkeys(others, "10.0.0.9"), **nodes}}}}
    found = rendered("node_exporter", ["__node_exporter_listen"], facts=facts)
    listen = {host: found[host]["__node_exporter_listen"] for host in nodes}
    assert listen == {"debian12": "10.0.0.1:8408", "ubuntu2404": "[fd00::1]:8408"}


def test_nodes_of_the_service_have_metrics_of_weights(rendered):
    nodes = dict.fromkeys(
        ("debian11", "debian12", "debian13", "ubuntu2204", "ubuntu2404", "rocky9", "openeuler2203", "kylinv10"),
        "10.0.0.1",
    )
    plan = {"nodes": {"debian12": {}}, "model_path": "/data/m", "transport": "rdma"}
    facts = {"inferfleet_gateway": {"monitoring": {"nodes": nodes}}, "inferfleet_plan": plan}
    found = rendered("node_exporter", ["__node_exporter_settings"], facts=facts)
    settings = found["debian12"]["__node_exporter_settings"]
    assert (settings["model_path"], settings["container"]) == ("/data/m", "inferfleet-engine")
