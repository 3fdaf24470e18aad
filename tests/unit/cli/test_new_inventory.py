"""Inventories written from answers."""

import pytest
import yaml
from ansible.plugins.inventory import expand_hostname_range

from inferfleet.cli.draft import draft
from inferfleet.inventory.answers import Answers, NewHost, parse_hosts, webui_host
from inferfleet.inventory.examples import write
from inferfleet.inventory.ranges import bad_ranges, expand
from inferfleet.messages import use_language
from inferfleet.runner.errors import UsageError

HOSTS = (NewHost("node1", "10.0.0.11"), NewHost("gpu02.example.com"))


def answers(**changed):
    given = {"hosts": HOSTS, "accelerator": "H200-141G", "accelerators_per_node": 8, "model": "deepseek-r1"}
    return Answers(**(given | changed))


def written(**changed):
    files = draft(answers(**changed))
    return yaml.safe_load(files["hosts.yml"])["all"], yaml.safe_load(files["group_vars/all/10_cluster.yml"])


@pytest.mark.parametrize("text", ["a[1:3]", "a[:3]", "a[08:11]", "a[1:9:2]b[a:c].x", "10.0.0.[9:11]", "n[a:Z:5]"])
def test_ranges_are_expanded_as_ansible_does(text):
    assert expand(text) == expand_hostname_range(text)


def test_ansible_refuses_numbers_of_different_lengths_with_leading_zeros():
    assert [problem.code for problem in bad_ranges(["node[001:10]", "node[08:10]"], "")] == ["bad-host-range"]


@pytest.mark.parametrize(
    ("text", "hosts"),
    [
        ("10.0.0.[11:12]", [("node1", "10.0.0.11"), ("node2", "10.0.0.12")]),
        ("gpu[1:2] , 10.0.0.3", [("gpu1", ""), ("gpu2", ""), ("node1", "10.0.0.3")]),
        ("n[5:6]=10.0.0.[15:16]", [("n5", "10.0.0.15"), ("n6", "10.0.0.16")]),
        ("head=gpu.example.com", [("head", "gpu.example.com")]),
    ],
)
def test_hosts(text, hosts):
    assert [(host.name, host.address) for host in parse_hosts(text)] == hosts


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "no-hosts"),
        (" , ", "no-hosts"),
        ("gpu[4:1]", "bad-host-range"),
        ("gpu[1-4]", "bad-host-range"),
        ("gpu[1:3]=10.0.0.[1:2]", "bad-host-range"),
        ("gpu1,gpu[1:2]", "host-twice"),
    ],
)
def test_wrong_hosts(text, code):
    with pytest.raises(UsageError) as refused:
        parse_hosts(text)
    assert refused.value.problem.code == code


@pytest.mark.parametrize(
    ("text", "host"),
    [
        ("", HOSTS[0]),
        ("none", None),
        ("10.0.0.11", HOSTS[0]),
        ("gpu02.example.com", HOSTS[1]),
        ("10.0.0.20", NewHost("webui", "10.0.0.20")),
        ("ui=10.0.0.20", NewHost("ui", "10.0.0.20")),
    ],
)
def test_host_of_the_web_ui(text, host):
    assert webui_host(text, HOSTS) == host


def test_several_hosts_of_the_web_ui_are_refused():
    with pytest.raises(UsageError) as refused:
        webui_host("a,b", HOSTS)
    assert refused.value.problem.code == "two-webuis"


def test_answers_are_in_the_files():
    hosts, settings = written(
        user="123", port=2222, sudo=True, jump_host="ops@bastion", cluster_network="10.1.0.0/24", webui=HOSTS[1]
    )
    assert hosts["vars"] == {
        "ansible_user": "123",
        "ansible_port": 2222,
        "ansible_become": True,
        "ansible_ssh_common_args": "-J ops@bastion",
    }
    groups = {name: group["hosts"] for name, group in hosts["children"].items()}
    assert groups == {
        "ray_head": {"node1": {"ansible_host": "10.0.0.11"}},
        "ray_worker": {"gpu02.example.com": None},
        "webui": {"gpu02.example.com": None},
    }
    assert settings == {
        "model": "deepseek-r1",
        "accelerator": "H200-141G",
        "accelerators_per_node": 8,
        "cluster_network": "10.1.0.0/24",
    }


def test_a_web_ui_of_its_own_and_a_single_node():
    hosts, _ = written(hosts=HOSTS[:1], webui=NewHost("webui", "10.0.0.20"))
    assert hosts["children"]["webui"]["hosts"] == {"webui": {"ansible_host": "10.0.0.20"}}
    assert "ray_worker" not in hosts["children"]
    assert "webui" not in written()[0]["children"]


def test_comments_are_in_the_language_of_the_user():
    use_language("zh")
    try:
        assert "主节点" in draft(answers())["hosts.yml"]
    finally:
        use_language("en")


def test_files_are_never_overwritten(tmp_path):
    (tmp_path / "hosts.yml").write_text("mine")
    with pytest.raises(UsageError) as refused:
        write(draft(answers()), tmp_path)
    assert refused.value.problem.code == "not-empty"
    assert (tmp_path / "hosts.yml").read_text() == "mine"
