"""The files of a new inventory, from the answers of a user."""

import json
from collections.abc import Iterator, Sequence

import yaml

from inferfleet.inventory.answers import Answers, NewHost
from inferfleet.messages import N_, Message
from inferfleet.settings import Settings

_HUB_MIRROR = "https://hf-mirror.com"
_WIDTH = 100  # characters of a comment
_COMMENTED: dict[str, str | int] = {
    "model_root": "/data/models",
    "hub_endpoint": _HUB_MIRROR,
    "max_model_len": 32768,
    "http_proxy": "http://proxy.example.com:3128",
}
"""Settings that many sites need, with a value to start from; they are comments in the new file."""


def draft(answers: Answers) -> dict[str, str]:
    """Return the files of the inventory: content by path in its folder, with comments in the user's language."""
    return {
        "hosts.yml": "\n".join(["---", *_hosts(answers), ""]),
        "group_vars/all/10_cluster.yml": "\n".join(["---", *_settings(answers), ""]),
    }


def _hosts(answers: Answers) -> Iterator[str]:
    head, *workers = answers.hosts
    yield from _comment(N_("Hosts of the cluster, and how SSH connects to them."))
    yield "all:"
    yield "  vars:"
    yield f"    ansible_user: {_scalar(answers.user)}"
    if answers.port:
        yield f"    ansible_port: {answers.port}"
    if answers.sudo:
        yield from _comment(N_("Tasks run as root through sudo; option -K prompts for its password."), 4)
        yield "    ansible_become: true"
    if answers.jump_host:
        yield from _comment(N_("Jump host, through which SSH connects to all hosts."), 4)
        yield f"    ansible_ssh_common_args: {_scalar(f'-J {answers.jump_host}')}"
    yield "  children:"
    yield from _comment(N_("The head node: clients and gateway connect to it."), 4)
    yield from _group("ray_head", [head])
    yield from _comment(
        N_("If a node has several networks, write its interface or its address on the cluster network below its name:"),
        10,
    )
    yield "          # cluster_interface: bond0"
    yield "          # cluster_address: 10.0.0.11"
    if workers:
        yield from _comment(N_("The other nodes."), 4)
        yield from _group("ray_worker", workers)
    if answers.webui:
        yield from _comment(N_("The host of Open WebUI: one of the nodes, or another one."), 4)
        known = answers.webui in answers.hosts
        yield from _group("webui", [NewHost(answers.webui.name) if known else answers.webui])
    yield from _comment(
        N_("Different accelerators, or several models: put the nodes of each model into a group service_NAME."),
        4,
    )


def _group(name: str, hosts: Sequence[NewHost]) -> Iterator[str]:
    yield f"    {name}:"
    yield "      hosts:"
    for host in hosts:
        yield f"        {_scalar(host.name)}:"
        if host.address:
            yield f"          ansible_host: {_scalar(host.address)}"


def _settings(answers: Answers) -> Iterator[str]:
    yield from _comment(N_("Settings of the cluster; everything that is not set here is chosen by the planner."))
    given: dict[str, str | int] = {
        "model": answers.model,
        "accelerator": answers.accelerator,
        "accelerators_per_node": answers.accelerators_per_node,
        "cluster_network": answers.cluster_network,
    }
    for name, value in given.items():
        yield ""
        yield from _comment(_description(name))
        yield f"{name}: {_scalar(value)}" if value else f"# {name}:"
    for name, value in _COMMENTED.items():
        yield ""
        yield from _comment(_description(name))
        yield f"# {name}: {_scalar(value)}"


def _description(name: str) -> str:
    return " ".join((Settings.model_fields[name].description or "").split())


def _comment(template: str, indent: int = 0) -> Iterator[str]:
    """Yield the text in the user's language as lines of a comment."""
    line = ""
    for word in Message("", template).render().split(" "):
        if line and len(line) + len(word) >= _WIDTH - indent:
            yield f"{' ' * indent}# {line}"
            line = ""
        line = f"{line} {word}" if line else word
    yield f"{' ' * indent}# {line}"


def _scalar(value: str | int) -> str:
    """Return the YAML of a value; JSON, which is YAML, of text that would be another type or structure."""
    if isinstance(value, int):
        return str(value)
    try:
        plain = yaml.safe_load(f"key: {value}") == {"key": value}
    except yaml.YAMLError:
        plain = False
    return value if plain else json.dumps(value, ensure_ascii=False)
