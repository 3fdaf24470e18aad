"""Batches of nodes by service in a play, as computed by Ansible; no host is contacted."""

import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
PLAY = [
    {
        "hosts": "{{ query('services') or 'ray_head' }}",
        "serial": "{{ query('services', 'sizes') }}",
        "gather_facts": False,
        "tasks": [
            {"ansible.builtin.debug": {"msg": "turn of {{ ansible_play_batch | join(' ') }}."}, "run_once": True},
        ],
    }
]
GROUPS = {
    "ray_head": ["a1", "b1"],
    "ray_worker": ["b2", "a3", "a2"],
    "webui": ["w1"],
    "service_b": ["b1", "b2"],
    "service_a": ["a2", "a1", "a3"],
}


@pytest.fixture
def turns(tmp_path: Path) -> Callable[..., list[str]]:
    """Return a function that runs the play and returns the hosts of each batch."""

    def run(groups: dict[str, list[str]], *options: str) -> list[str]:
        children = {name: {"hosts": dict.fromkeys(hosts)} for name, hosts in groups.items()}
        (tmp_path / "hosts.yml").write_text(yaml.safe_dump({"all": {"children": children}}, sort_keys=False))
        (tmp_path / "play.yml").write_text(yaml.safe_dump(PLAY))
        (tmp_path / "limit").write_text("b2\na1\n")
        argv = ["ansible-playbook", "-i", tmp_path / "hosts.yml", tmp_path / "play.yml", *options]
        env = os.environ | {"ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), "ANSIBLE_LOCALHOST_WARNING": "false"}
        done = subprocess.run(argv, cwd=tmp_path, env=env, capture_output=True, text=True, check=True)
        return re.findall(r"turn of (.*?)\.", done.stdout)

    return run


def test_services_are_batched_in_the_order_of_their_heads(turns):
    assert turns(GROUPS) == ["a1 a3 a2", "b1 b2"]


@pytest.mark.parametrize(
    ("limit", "expected"),
    [
        ("service_b", ["b1 b2"]),
        ("a2,b*", ["a2", "b1 b2"]),
        ("all:!b1", ["a1 a3 a2", "b2"]),
        ("@limit", ["a1", "b2"]),
    ],
)
def test_limit_is_respected(turns, limit, expected):
    assert turns(GROUPS, "--limit", limit) == expected


def test_without_services_all_nodes_are_one_batch(turns):
    one = {name: hosts for name, hosts in GROUPS.items() if not name.startswith("service_")}
    assert turns(one | {"ray_head": ["a1"], "ray_worker": ["b1", "b2"]}) == ["a1 b1 b2"]
