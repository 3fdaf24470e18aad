"""Nodes that `inferfleet remove-node` takes out of an inventory."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from inferfleet.inventory.removal import GROUP, removal_problems, removed_by, source_of

ROOT = Path(__file__).resolve().parents[3]
HOSTS = """
all:
  children:
    ray_head:
      hosts: {n1: {ansible_host: 10.0.0.1}}
    ray_worker:
      hosts: {n2: {ansible_host: 10.0.0.2}, n3: {}}
      vars: {ansible_user: worker, ansible_port: 22}
    service_r1:
      hosts: {n1: {}, n2: {ansible_port: 2222}, n3: {}}
"""


def listed(tmp_path, *sources: str) -> dict:
    """Return what Ansible reads with the configuration of the checkout."""
    (tmp_path / "hosts.yml").write_text(HOSTS)
    options = [part for source in (str(tmp_path / "hosts.yml"), *sources) for part in ("-i", source)]
    argv = [str(Path(sys.executable).with_name("ansible-inventory")), "--list", *options]
    return json.loads(subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=True).stdout)


def test_source_names_nodes():
    assert removed_by(source_of(["n2", "n3"])) == ["n2", "n3"]


def test_removed_node_is_in_no_group_of_the_deployment_and_can_be_reached(tmp_path):
    content = listed(tmp_path, source_of(["n2"]))
    assert content["ray_worker"]["hosts"] == content["service_r1"]["hosts"][1:] == ["n3"]
    assert content[GROUP]["hosts"] == ["n2"]
    variables = content["_meta"]["hostvars"]["n2"]
    assert variables["ansible_host"] == "10.0.0.2"
    assert variables["ansible_user"] == "worker"
    assert variables["ansible_port"] == 2222  # that of the host, not of its group


def test_node_that_hosts_yml_does_not_have_is_not_added(tmp_path):
    assert "n9" not in json.dumps(listed(tmp_path, source_of(["n9"])))


@pytest.mark.parametrize(
    ("name", "codes"),
    [("n2", []), ("n1", ["last-of-group"]), ("n9", ["unknown-node"]), ("web", ["unknown-node"])],
)
def test_problems(name, codes):
    groups = {"all": ["n1", "n2", "web"], "ray_head": ["n1"], "ray_worker": ["n2"], "webui": ["web"], "x_own": ["n2"]}
    assert [problem.code for problem in removal_problems(groups, name)] == codes


def test_last_worker_may_leave():
    assert removal_problems({"ray_head": ["n1"], "ray_worker": ["n2"], "service_r1": ["n1", "n2"]}, "n2") == []
