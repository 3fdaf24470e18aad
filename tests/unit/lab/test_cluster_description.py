"""Configuration of the test cluster: addresses, inventories, keys, inherited settings."""

import json
import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from lab import applications, config, inventory, ssh
from lab.config import LabConfig, Node
from lab.host import Mirrors, apt_proxies, mirrors, pip_config, pip_settings

from inferfleet.components import load_component

pytestmark = pytest.mark.slow  # runs ansible-inventory

ROOT = Path(__file__).parents[3]
TOOLS = Path(sys.executable).parent


@pytest.fixture
def lab(tmp_path: Path) -> LabConfig:
    return LabConfig(checkout=tmp_path / "checkout", node_count=2, cache=tmp_path / "cache")


def test_nodes_are_named_and_numbered_from_one(lab: LabConfig):
    assert [(node.name, str(node.address)) for node in lab.nodes] == [
        ("node1", "198.18.5.11"),
        ("node2", "198.18.5.12"),
    ]
    assert str(Node(2, "molecule").address) == "198.18.5.22"


def test_pools_do_not_share_addresses():
    addresses = [Node(index, pool).address for pool in config.POOLS for index in range(1, config.MAX_NODES + 1)]
    assert len(set(addresses)) == len(addresses)
    assert config.CONTROLLER not in addresses


@pytest.mark.parametrize("count", [0, 9])
def test_node_count_out_of_range_is_refused(lab: LabConfig, count: int):
    with pytest.raises(ValueError, match=rf"LAB_NODES is {count}\. Set it to a number from 1 to 8\."):
        replace(lab, node_count=count)


def test_unknown_pool_is_refused(lab: LabConfig):
    with pytest.raises(ValueError, match=r"Pool spare does not exist\. Use one of node, molecule"):
        replace(lab, pool="spare")


def test_checkouts_have_different_prefixes(lab: LabConfig):
    assert replace(lab, checkout=lab.checkout / "other").prefix != lab.prefix
    assert replace(lab, node_count=4).prefix == lab.prefix


def test_committed_inventory_is_the_generated_one():
    committed = (ROOT / "inventories/lab/hosts.yml").read_text()
    assert committed == inventory.hosts_yaml(config.load(2).nodes, "{{ inventory_dir }}/../../.lab")


def test_inventory_of_four_nodes_reaches_keys_and_group_vars(lab: LabConfig):
    """Ansible itself reads the generated folder: hosts, groups, the templated key and group_vars."""
    group_vars = lab.checkout / "inventories/lab/group_vars/all"
    group_vars.mkdir(parents=True)
    (group_vars / "10_cluster.yml").write_text("from_cluster: 2\n")
    four = replace(lab, node_count=4)

    assert inventory.write(four) == ".lab/inventories/lab4"
    assert inventory.write(four) == ".lab/inventories/lab4"  # again, over what is there

    listed = subprocess.run(
        [TOOLS / "ansible-inventory", "-i", four.inventory, "--list"], capture_output=True, check=True
    )
    found = json.loads(listed.stdout)
    assert found["ray_head"]["hosts"] == found["webui"]["hosts"] == ["node1"]
    assert found["ray_worker"]["hosts"] == ["node2", "node3", "node4"]
    hostvars = found["_meta"]["hostvars"]["node4"]
    assert hostvars["ansible_host"] == "198.18.5.14"
    assert hostvars["from_cluster"] == 2
    debug = [TOOLS / "ansible", "node4", "-i", four.inventory, "-c", "local", "-m", "debug", "-a"]
    shown = subprocess.run([*debug, "var=ansible_ssh_private_key_file"], capture_output=True, text=True, check=True)
    key = re.search(r'ansible_ssh_private_key_file"?: "?([^"\n]+)', shown.stdout)
    assert key
    assert Path(key[1]).resolve() == ssh.private_key(four)


def test_ssh_config_is_valid_and_keeps_host_key_checking(lab: LabConfig):
    spaced = replace(lab, checkout=lab.checkout.with_name("a check out"))
    ssh.prepare(spaced)
    shown = subprocess.run(
        ["ssh", "-G", "-F", spaced.state / "ssh_config", "node2"], capture_output=True, text=True, check=True
    )
    settings = dict(line.split(" ", 1) for line in shown.stdout.splitlines())
    assert settings["hostname"] == "198.18.5.12"
    assert settings["user"] == "root"
    assert settings["stricthostkeychecking"] == "true"
    assert str(ssh.known_hosts(spaced)) in settings["userknownhostsfile"]


def test_known_hosts_lists_address_and_host_with_the_node_key(lab: LabConfig):
    ssh.prepare(lab)
    public = ssh.host_key(lab, lab.nodes[1]).with_suffix(".pub").read_text().split()[1]
    found = subprocess.run(
        ["ssh-keygen", "-F", "198.18.5.12", "-f", ssh.known_hosts(lab)], capture_output=True, text=True, check=True
    )
    assert public in found.stdout
    assert ssh.private_key(lab).stat().st_mode & 0o077 == 0


def test_keys_are_kept_when_prepared_again(lab: LabConfig):
    ssh.prepare(lab)
    before = ssh.private_key(lab).read_bytes(), ssh.known_hosts(lab).read_bytes()
    ssh.prepare(replace(lab, node_count=3))
    assert ssh.private_key(lab).read_bytes() == before[0]
    assert ssh.known_hosts(lab).read_bytes().startswith(before[1])


ONE_LINE = """
# deb http://old.example.com/debian bookworm main
deb [arch=amd64 signed-by=/usr/share/keyrings/k.gpg] https://mirror.example.com/debian/ bookworm main contrib
deb https://mirror.example.com/debian bookworm-updates main
deb https://sec.example.com/debian-security bookworm-security main
deb-src https://source.example.com/debian bookworm main
"""
DEB822 = """Types: deb deb-src
# a comment inside
URIs: http://mirror.example.org/debian
Suites: bookworm bookworm-updates
Components: main

Types: deb
URIs: http://mirror.example.org/debian-security/
Suites: bookworm-security
Components: main
"""
OTHERS = """Types: deb
Enabled: no
URIs: http://off.example.com/debian
Suites: bookworm
Components: main

Types: deb
URIs: https://download.docker.com/linux/debian
Suites: bookworm
Components: stable

Types: deb
URIs: http://archive.ubuntu.com/ubuntu
Suites: noble
Components: main
"""


@pytest.mark.parametrize(
    ("sources", "expected"),
    [
        ([ONE_LINE], Mirrors("https://mirror.example.com/debian", "https://sec.example.com/debian-security")),
        ([DEB822], Mirrors("http://mirror.example.org/debian", "http://mirror.example.org/debian-security")),
        ([OTHERS], Mirrors()),
        ([OTHERS, DEB822], Mirrors("http://mirror.example.org/debian", "http://mirror.example.org/debian-security")),
        ([], Mirrors()),
    ],
)
def test_mirrors_come_from_the_hosts_apt_sources(sources: list[str], expected: Mirrors):
    assert mirrors(sources) == expected


def test_apt_sources_are_read_back_unchanged():
    own = Mirrors("https://m.example.com/debian", "https://m.example.com/debian-security")
    assert mirrors([own.deb822()]) == own


def test_pip_settings_are_inherited_except_local_paths():
    files = [
        "[global]\nindex-url = https://a.example.com/simple\n",
        "[global]\nfind-links = /opt/wheels\nextra-index-url = file:///opt/simple https://b.example.com/%simple\n",
    ]
    settings = pip_settings(files, {"PIP_TRUSTED_HOST": "a.example.com"})
    assert settings == {
        "index-url": "https://a.example.com/simple",
        "extra-index-url": "https://b.example.com/%simple",
        "trusted-host": "a.example.com",
    }
    assert pip_settings(files, {"PIP_INDEX_URL": "https://c.example.com"})["index-url"] == "https://c.example.com"


def test_pip_config_trusts_inherited_certificates():
    assert pip_config({}, own_certificates=False) == ""
    assert pip_config({"index-url": "https://a"}, own_certificates=True) == (
        "[global]\nindex-url = https://a\ncert = /etc/ssl/certs/ca-certificates.crt\n"
    )


def test_apt_proxies_are_extracted_from_the_dump():
    dump = 'APT::Architecture "amd64";\nAcquire::http::Proxy "http://p:3128";\nAcquire::https::Proxy "DIRECT";\n'
    assert apt_proxies(dump) == 'Acquire::http::Proxy "http://p:3128";\nAcquire::https::Proxy "DIRECT";\n'


@pytest.mark.parametrize("arguments", [["up", "--nodes", "9"], ["inventory", "--nodes", "9"]])
def test_command_reports_an_error_in_one_line(arguments: list[str]):
    done = subprocess.run(
        [sys.executable, "-m", "lab", *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert done.stderr == "lab: LAB_NODES is 9. Set it to a number from 1 to 8.\n"


def test_the_command_reads_the_count_from_the_environment():
    done = subprocess.run(
        [sys.executable, "-m", "lab", "inventory"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "LAB_NODES": "4"},
    )
    assert done.stdout == ".lab/inventories/lab4\n"


def test_tested_web_ui_version_is_the_deployed_one():
    assert load_component("webui").image.rpartition(":v")[2] == applications.WEBUI.tag
