"""All problems of inventory checks: of the negative cases, unusual inventories, values and nodes."""

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from ansible.parsing.splitter import parse_kv
from tests.negative.changed_inventory import CASES, ROOT, write_inventory
from tests.unit.inventory.conftest import build_inventory

from inferfleet.components import Component, load_components
from inferfleet.inventory import Inventory
from inferfleet.inventory.answers import NewHost, parse_hosts, webui_host
from inferfleet.inventory.examples import create
from inferfleet.inventory.facts import GIB, Host
from inferfleet.inventory.ports import check_ports
from inferfleet.inventory.read import LOCKED, read_inventory, read_variables
from inferfleet.inventory.removal import removal_problems
from inferfleet.inventory.values import settings_problems
from inferfleet.messages import Problem
from inferfleet.planner import plan_cluster
from inferfleet.planner.checks import check_inventory, run_checks
from inferfleet.runner.errors import UsageError
from inferfleet.settings import SECRETS

SERVICES = {
    "ray_head": ["a1", "b1"],
    "ray_worker": ["a2", "b2"],
    "webui": ["a1"],
    "service_small": ["b1", "b2"],
    "service_big": ["a2", "a1"],
}
GROUPS = (
    {"ray_head": ["a", "b", "c"]},
    {"ray_head": ["a"], "ray_worker": ["b", "a"]},
    {"ray_head": ["a"], "webui": ["a", "b"]},
    {"ray_head": ["a"], "monitoring": ["a", "b"]},
    {**SERVICES, "service_small": ["b1", "b2", "a2"]},
    {**SERVICES, "service_small": ["b1"]},
    {**SERVICES, "ray_head": ["a1"], "ray_worker": ["a2", "b1", "b2"]},
    {**SERVICES, "ray_head": ["a1", "b1", "b2"], "ray_worker": ["a2"]},
    {**SERVICES, "service_none": []},
)
CHANGES: tuple[dict[str, Any], ...] = (
    {"hosts": {name: {"ansible_host": "10.0.0.1"} for name in ("node1", "node2")}},
    {"hosts": {name: {"cluster_address": "10.0.0.1"} for name in ("node1", "node2")}},
    {"nccl_fabric_proof": True},
    {"hosts": {"node2": {"zzz": 1}}},
    {"gpu_mem_utilization": 1},
    {"drop": ("model_root",)},
    {"hosts": {"node2": {"max_model_len": 4096}}},
    {"hosts": {"node1": {"ray_auth_token": "a"}, "node2": {"ray_auth_token": "b"}}},
    {"groups": SERVICES, "hosts": {"b1": {"max_model_len": 4096}}},
    {"groups": SERVICES, "offline_bundle": "/srv/bundle"},
    {"hosts": {"node2": {"cluster_address": "10.0.1.2"}}, "cluster_network": "10.0.0.0/24"},
    {"hosts": {"node2": {"cluster_address": "node2"}}},
    {"webui_port": 8000},
    {"executor": "ray", "engine_port": 20500},
    {"executor": "ray", "webui_port": 20500},
    {"executor": "ray", "ray_port": 65535},
)
VALUES: tuple[tuple[str, Any], ...] = (
    *(("model", value) for value in (7, None, "", "\ud800")),
    *(("max_model_len", value) for value in ("long", 4096.5, -1)),
    ("served_model_name", ["x" * 100]),
    ("enforce_eager", "yes"),
    *(("gpu_memory_utilization", value) for value in ("most", 0, 1.5)),
    ("engine_extra_args", ["--seed", 7]),
    ("engine_extra_args", "--seed"),
    ("engine_extra_env", ["A=1"]),
    *(("engine", value) for value in ("vlm", "zzz")),
    *(("executor", value) for value in ("rya", False)),
    *(("model_root", value) for value in ("data/models", "/data/a:b")),
    ("checkpoint", "DeepSeek-R1"),
    ("hub_endpoint", "hf-mirror.com"),
    ("cluster_network", "10.0.0.0/33"),
    *(("gateway_virtual_address", value) for value in ("10.0.0.100", "10.0.0.255/24", "10.0.0.0/24", "fd00::1/64")),
    ("image_mirrors", {"https://docker.io": "docker.example.com"}),
    ("image_mirrors", {"docker.io": "https://docker.example.com"}),
    ("insecure_registries", ["http://registry:5000"]),
    ("webui_admin_email", "admin"),
    ("monitoring_email", [{"to": "a@site.cn", "sender": "b@site.cn", "server": "mail:587"}] * 2),
    ("engine_api_key", "\u829d\u9ebb"),
    *((name, "open sesame") for name in SECRETS),
    (SECRETS[0], 12345678),
)
OPTIONS: dict[str, tuple[dict[str, Any], Any]] = {
    "role_bool": ({"type": "bool"}, "x"),
    "role_choice": ({"type": "str", "choices": ["missing", "always"]}, "never"),
    "role_dict": ({"type": "dict"}, 7),
    "role_float": ({"type": "float"}, "x"),
    "role_int": ({"type": "int"}, "x"),
    "role_list": ({"type": "list"}, {}),
    "role_of_paths": ({"type": "list", "elements": "path"}, {}),
    "role_of_texts": ({"type": "list", "elements": "str"}, {}),
    "role_secret": ({"type": "int", "no_log": True}, "x"),
}


def texts() -> list[Problem]:
    """Return every problem, each text once."""
    written = {
        str(text): text for text in (*_cases(), *_inventories(), *_values(), *_nodes(), *_unreadable(), *_examples())
    }
    return [written[text] for text in sorted(written)]


def _cases() -> Iterator[Problem]:
    for case in CASES:
        with tempfile.TemporaryDirectory() as folder:
            path = write_inventory(case, Path(folder) / "inventory", 22)
            try:
                read = read_inventory(str(path), parse_kv(case.get("extra", "")), ROOT)
            except UsageError as error:
                yield error.problem
            else:
                yield from plan_cluster(read).inventory_problems


def _inventories() -> Iterator[Problem]:
    yield from check_inventory(Inventory({}, {}))
    for groups in GROUPS:
        yield from check_inventory(build_inventory(groups))
    for change in CHANGES:
        yield from check_inventory(build_inventory(**change))
    good = build_inventory(executor="ray")
    reasons = {"node1": {"model": "'nope' is undefined"}, "node2": {"model": "'nope' is undefined"}}
    yield from check_inventory(Inventory(good.groups, good.variables, good.options, reasons))
    yield from check_inventory(Inventory(good.groups, good.variables, good.options, {"node1": {"model": LOCKED}}))
    variables = {host: {**good.variables[host], **{n: v for n, (_, v) in OPTIONS.items()}} for host in good.hosts}
    specs = {name: spec for name, (spec, _) in OPTIONS.items()}
    yield from check_inventory(Inventory(good.groups, variables, specs))
    yield from check_ports(good, (*load_components(), *(_component(title, 9100) for title in ("One", "Other"))))
    yield from check_ports(good, (*load_components(), _component("One", 20100)))
    yield from removal_problems({"ray_head": ["a"], "ray_worker": ["b"]}, "c")
    yield from removal_problems({"ray_head": ["a"], "ray_worker": ["b"]}, "a")


def _component(title: str, number: int) -> Component:
    """Return a component with a fixed port."""
    names = {"name": title.lower(), "title": title, "container": title.lower(), "image": "a:b"}
    port = {"number": number, "reached_by": ["nodes"]}
    health = {"path": "/", "status": "http"}
    return Component.model_validate({**names, "groups": ["ray_head"], "ports": [port], "health": health})


def _values() -> Iterator[Problem]:
    for name, value in VALUES:
        yield from check_inventory(build_inventory(**{name: value}))
    for problem in settings_problems({"no_setting": 1}):
        yield problem.with_parameters(hosts=["node1"])


def _nodes() -> Iterator[Problem]:
    disk = {"device": 1, "free_bytes": 100 * GIB, "total_bytes": 200 * GIB}
    facts = {"listening": {"8000": "nginx", "9100": "nginx"}, "disk": {"/m": disk, "/d": disk}}
    ports = {"engine_port": 8000, "Node exporter": 9100}
    for system in ("fedora", ""):
        distribution = {"distribution": {"id": system, "id_like": "", "version_id": "43" if system else ""}}
        for space in (
            {"the weights": ("/m", 641 * GIB)},
            {"images": ("/d", 60 * GIB), "the weights": ("/m", 60 * GIB)},
        ):
            yield from run_checks(Host("node1", facts | distribution, ports, space))


def _unreadable() -> Iterator[Problem]:
    for name in ('""', '"node[1:99999]"'):
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "hosts.yml").write_text(f"ray_head: {{hosts: {{{name}: }}}}")
            try:
                yield from plan_cluster(read_inventory(folder)).inventory_problems
            except UsageError as error:
                yield error.problem
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "hosts.yml").symlink_to("/dev/null")
        yield from _refused(lambda: read_inventory(folder))
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "hosts").write_text("[ray_head]\nn1")
        program = Path(folder) / "zz.sh"
        program.write_text("#!/bin/sh\nexit 1\n")
        program.chmod(0o755)
        yield from _refused(lambda: read_inventory(folder))
        program.unlink()
        yield from check_inventory(read_inventory(folder, {"model": "{{ 'a' * 2000000 }}"}))
    vaulted = "$ANSIBLE_VAULT;1.1;AES256\n61\n"
    hosts, binary, tagged = "[ray_head]\nn1", "\udcff", "a: !unknown 1"
    for text, everywhere in (
        ("", ""),
        (hosts, "a: ["),
        (hosts, vaulted),
        (hosts, binary),
        (hosts, tagged),
        (hosts, None),
    ):
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "hosts").write_text(text)
            (Path(folder) / "group_vars").mkdir()
            file = Path(folder) / "group_vars/all.yml"
            if everywhere is None:
                file.symlink_to("missing.yml")
            else:
                file.write_text(everywhere, errors="surrogateescape")
            yield from _refused(lambda folder=folder: read_inventory(folder))
            if everywhere == tagged:
                yield from _refused(lambda file=file: read_variables(file))


def _refused(read: Callable[[], object]) -> Iterator[Problem]:
    try:
        read()
    except UsageError as error:
        replaced = {"path": "inventories/site", "reason": "..."}  # Ansible's own text names the folder
        yield error.problem.with_parameters(**{k: v for k, v in replaced.items() if k in error.problem.parameters})


def _examples() -> Iterator[Problem]:
    for hosts in (",", "gpu[4:1]", "gpu[1:3]=10.0.0.[1:2]", "gpu1,gpu[1:2]"):
        try:
            parse_hosts(hosts)
        except UsageError as error:
            yield error.problem
    try:
        webui_host("a,b", (NewHost("gpu1"),))
    except UsageError as error:
        yield error.problem
    for like, target in (("", "new"), ("a80", "new"), ("zzz", "new"), ("a800", "/")):
        try:
            create(ROOT, like, Path(target))
        except UsageError as error:
            yield error.problem
