"""A host with only the web UI: its facts are gathered, and its ports and disk are checked."""

import subprocess
import sys
from pathlib import Path

import pytest

from inferfleet.inventory import Inventory
from inferfleet.planner import plan_cluster
from inferfleet.settings import Settings

ROOT = Path(__file__).parents[3]
GROUPS = {"ray_head": ["n1"], "ray_worker": ["n2"], "webui": ["ui"]}
VALUES = Settings(
    model="deepseek-r1-distill-qwen-1.5b", accelerator="H200-141G", accelerators_per_node=1, executor="ray"
).model_dump()


def cluster(groups=GROUPS, **facts):
    hosts = {host: {**VALUES, "ansible_host": f"10.0.0.{i}"} for i, host in enumerate(("n1", "n2", "ui"))}
    return plan_cluster(Inventory(groups, hosts), facts)


def codes(cluster_plan):
    return [(problem.code, problem.parameters.get("name")) for problem in cluster_plan.problems]


@pytest.mark.parametrize(("port", "setting"), [(3000, "webui_port"), (8000, "engine_port"), (6379, "ray_port")])
def test_only_its_own_ports_are_checked(port, setting):
    facts = {"inferfleet_node": {"listening": {str(port): "nginx"}}}
    planned, refused = cluster(ui=facts), [("port-taken", setting)]
    assert codes(planned) == (refused if setting == "webui_port" else [])
    assert list(planned.node_problems["ui"]) == planned.problems
    assert codes(cluster(n1=facts)) == (refused if setting != "webui_port" else [])


def test_disk_space_for_images_only():
    disk = {"device": 1, "free_bytes": 0, "total_bytes": 1}
    facts = {"disk": {VALUES["model_root"]: disk, VALUES["container_data_root"]: disk}}
    hosts = {host: {**VALUES, "preflight_image_space_gib": 60} for host in ("n1", "n2", "ui")}
    hosts = {host: {**values, "ansible_host": f"10.0.0.{i}"} for i, (host, values) in enumerate(hosts.items())}
    (problem,) = plan_cluster(Inventory(GROUPS, hosts), {"ui": facts}).problems
    assert (problem.code, problem.parameters["host"], problem.parameters["missing"]) == ("disk-too-small", "ui", 60)


def test_run_limited_to_other_hosts_is_not_affected():
    planned = cluster(ui={"listening": {"3000": "nginx"}})
    assert planned.problems_of(["n1", "n2"]) == []
    assert [problem.code for problem in planned.problems_of(["ui"])] == ["port-taken"]


@pytest.mark.slow  # runs ansible-playbook
def test_check_gathers_its_facts(tmp_path):
    """`inferfleet check` runs playbooks/facts.yml."""
    lines = [line for group, hosts in GROUPS.items() for line in (f"[{group}]", *hosts)]
    (tmp_path / "hosts.ini").write_text("\n".join(lines) + "\n")
    argv = [Path(sys.executable).parent / "ansible-playbook", "playbooks/facts.yml", "--list-hosts", "-i", tmp_path]
    done = subprocess.run(argv, cwd=ROOT, check=True, capture_output=True, text=True)
    assert {word for word in done.stdout.split() if word in {"n1", "n2", "ui"}} == {"n1", "n2", "ui"}
