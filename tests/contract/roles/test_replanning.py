"""Each node keeps the plan of its own replica when the check of the NVIDIA driver plans again; no host is contacted."""

import os
import re
import subprocess
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[3]
# The driver is read by the check only; the plan follows from the inventory.
FACTS = {"driver_version": "580.159.04", "kernel": "6.12.0", "accelerators": [{"name": "NVIDIA H200"}]}
PLAY = {
    "hosts": "{{ query('services') or 'ray_head' }}",
    "serial": "{{ query('services', 'sizes') }}",
    "gather_facts": False,
    "tasks": [
        {"ansible.builtin.set_fact": {"inferfleet_accelerators": "{{ x_facts }}", "cacheable": True}},
        {"ansible.builtin.include_role": {"name": "nvidia_driver", "tasks_from": "check"}},
        {
            "ansible.builtin.debug": {
                "msg": "{{ inventory_hostname }} of {{ ansible_facts.inferfleet_plan.nodes | join('+') }}."
            }
        },
    ],
}
SETTINGS = {
    "x_facts": FACTS,
    "ansible_connection": "local",
    "model": "tiny-r1",
    "accelerator": "H200-141G",
    "accelerators_per_node": 1,
    "nvidia_driver_version": "",
}


def planned(folder: Path, **settings: int) -> dict[str, str]:
    """Return the nodes in the plan of each host."""
    groups = {"ray_head": {"hosts": {"node1": {}}}, "ray_worker": {"hosts": {"node2": {}}}}
    for host, address in (("node1", "198.18.5.11"), ("node2", "198.18.5.12")):
        group = groups["ray_head" if host == "node1" else "ray_worker"]
        group["hosts"][host] = {"ansible_host": address}
    (folder / "hosts.yml").write_text(
        yaml.safe_dump({"all": {"vars": SETTINGS | settings, "children": groups}}, sort_keys=False)
    )
    (folder / "play.yml").write_text(yaml.safe_dump([PLAY], sort_keys=False))
    env = os.environ | {
        "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
        "ANSIBLE_ROLES_PATH": str(ROOT / "roles"),
        "ANSIBLE_LOCALHOST_WARNING": "false",
    }
    argv = ["ansible-playbook", "-i", folder / "hosts.yml", folder / "play.yml"]
    done = subprocess.run(argv, cwd=folder, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return dict(re.findall(r"(node\d) of (\S+)\.", done.stdout))


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"replicas": 2, "tensor_parallel_size": 1}, {"node1": "node1", "node2": "node2"}),
        ({"replicas": 1, "tensor_parallel_size": 2}, {"node1": "node1+node2", "node2": "node1+node2"}),
    ],
    ids=["a replica on each node", "one over both nodes"],
)
def test_each_node_keeps_the_plan_of_its_replica(tmp_path, settings, expected):
    assert planned(tmp_path, **settings) == expected
