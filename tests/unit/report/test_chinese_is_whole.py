"""Whatever the report shows a sentence of has a Chinese form, with all of its values."""

import ast
import json
import re
from pathlib import Path
from string import Formatter

import pytest
from ansible.module_utils.accelerators.device import health
from jinja2 import Environment
from tests.negative.planner.planner_case import facts_of, read_cases, write_inventory
from tests.unit.fabric.test_judge import log, mesh, nodes, problems, result
from tests.unit.modules.hardware import load_module
from tests.unit.planner.test_fabric import CONTRACT, machine, member, pair  # noqa: F401 (a fixture)
from tests.unit.report.sayings import pieces

from inferfleet.catalog import load_xids
from inferfleet.engines import load_engines
from inferfleet.inventory.read import read_inventory
from inferfleet.planner import make_plan, plan_cluster
from inferfleet.planner.fabric import derive_fabric
from inferfleet.planner.health import health_cautions, health_problems
from inferfleet.report.chinese import FOLDER, in_chinese, templates
from inferfleet.settings import Settings

ROOT = Path(__file__).parents[3]
SOURCE, PLUGINS = ROOT / "src" / "inferfleet", ROOT / "plugins"
CASES = [case for case in read_cases() if case["exit"] == 3]
INVENTORIES = sorted(path.parent for path in (ROOT / "inventories").glob("*/hosts.yml"))
TEMPLATES = [template for file in sorted(FOLDER.glob("*.yml")) for template in templates(file.stem)]
HAN = re.compile(r"[\u4e00-\u9fff]")

SAYING = [
    *sorted((SOURCE / "planner").glob("*.py")),
    *sorted((SOURCE / "planner" / "fabric").glob("*.py")),
    *(SOURCE / name for name in ("catalog/architecture.py",)),
    *(SOURCE / name for name in ("report/content.py", "cli/planned.py")),
    *(PLUGINS / "modules" / f"{name}.py" for name in ("accelerator_facts", "chat_completion", "ray_cluster_facts")),
    *sorted((PLUGINS / "module_utils" / "accelerators").glob("*.py")),
]
# Functions whose texts the report does not show: remedies, layouts that lost, the summary of `inferfleet fabric`.
SAID_ELSEWHERE = {
    "fit.py": ("_other_layout",),
    "layouts.py": ("explain", "_short"),
    "planned.py": ("read_facts",),
}
# Keys and values that tools answer with, names, and remedies.
NO_SENTENCE = {
    *("Not Supported", "card series", "card model", "unique id", "pci bus", "Driver version", "Open Kernel Module"),
    *("vram total memory (b)", "vram total used memory (b)", "Ada Lovelace", "Infinity Fabric", "(whole file)"),
    *(", DP", ", data_parallel_size", "{{.State.Status}} {{.RestartCount}} {{.State.ExitCode}}"),
    *("from engine_extra_args.", "Did you mean", "? Otherwise remove", "sizes. Choose one of", "Ray has"),
    *("expected is", ", which is not a regular expression:", "Service {service}: {problem}"),
}


def literals(text):
    """Return a template's text with a mark in place of each field."""
    return "".join(said + ("\0" if name is not None else "") for said, name, _, _ in Formatter().parse(text))


KNOWN = "\n".join(literals(template.english) for template in TEMPLATES)


def values(text):
    """Return the words of a text that no language changes: with digits, underscores or slashes, and in backquotes."""
    return re.findall(r"`[^`]+`|[A-Za-z0-9_./:+-]*[0-9_/][A-Za-z0-9_/]*", text)


def told(sentences):
    """Return the sentences, each of which must have a Chinese form with all values."""
    for sentence in sentences:
        chinese = in_chinese(sentence)
        assert chinese is not None, sentence
        assert [value for value in values(sentence) if value not in chinese] == [], (sentence, chinese)
        assert not re.search(r"[\u4e00-\u9fff][,;:]|[,;:.] ?[\u4e00-\u9fff]", chinese), chinese
    return sentences


def said_by(plans):
    """Return the sentences of plans; an engine's own name with its version is a reason as well, and no sentence."""
    names = {f"{engine.title} {v.version}" for engine in load_engines().values() for v in engine.versions}
    for plan in plans:
        yield from plan.warnings
        yield from (problem.message for problem in plan.problems)
        yield from (reason for reason in plan.reasons if reason and reason not in names)


@pytest.mark.parametrize("file", SAYING, ids=lambda file: f"{file.parent.name}/{file.name}")
def test_every_text_in_the_source(file):
    said = set(pieces(file, SAID_ELSEWHERE.get(file.name, ())))
    assert {piece for piece in said - NO_SENTENCE if piece not in KNOWN} == set()


def test_every_text_of_the_catalog():
    facts = {"model_path": "/m/R1", "served_model_name": "r1", "tensor_parallel_size": 8}
    caveats = [caveat.format_map(facts) for engine in load_engines().values() for caveat in engine.caveats]
    assert told(caveats)
    phrases = {template.english for template in templates("phrases")}
    assert {xid.meaning for xid in load_xids().values()} <= phrases


def test_every_name_and_detail_of_the_proof():
    text = (ROOT / "roles/verify/vars/main.yml").read_text()
    proof = text[text.index("__verify_proof_of_ranks") : text.index("__verify_report:")]
    words = {ast.literal_eval(word) for _, kind, word in Environment().lex(proof) if kind == "string"}
    said = {word.strip() for word in words if " " in word.strip()}
    assert len(said) > 8
    assert {piece for piece in said if piece not in KNOWN} == set()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_refused_inventories(case, tmp_path):
    plans = plan_cluster(read_inventory(str(write_inventory(case, tmp_path))), facts_of(case)).plans
    assert told(list(said_by(plans)))


@pytest.mark.parametrize("inventory", INVENTORIES, ids=lambda inventory: inventory.name)
def test_shipped_inventories(inventory):
    plans = plan_cluster(read_inventory(str(inventory)), {"stranger": {}}).plans
    assert told(list(said_by(plans)))


NODES = {f"n{i}": {"role": "worker" if i else "head", "address": f"10.0.0.{i + 1}"} for i in range(2)}
SMALL, LARGE = "deepseek-r1-distill-qwen-1.5b", "deepseek-r1-distill-llama-70b"


@pytest.mark.parametrize(
    ("accelerator", "contract"),
    [
        ("H200-141G", {"tensor_parallel_size": 16, "engine": "sglang", "gpu_memory_utilization": 0.98}),
        ("H200-141G", {"tensor_parallel_size": 32}),
        ("H200-141G", {"tensor_parallel_size": 8, "pipeline_parallel_size": 1, "data_parallel_size": 2}),
        ("H200-141G", {"tensor_parallel_size": 1, "data_parallel_size": 16, "enable_expert_parallel": True}),
        ("H200-141G", {"tensor_parallel_size": 12, "enable_expert_parallel": True}),
        ("H800-80G", {"gpu_memory_utilization": 0.4, "enable_expert_parallel": True}),
        ("H800-80G", {"tensor_parallel_size": 1, "pipeline_parallel_size": 16, "data_parallel_size": 2}),
        ("H200-141G", {"engine": "sglang", "pipeline_parallel_size": 2}),
        ("A800-80G", {"engine": "sglang", "precision": "int8"}),
        ("A800-80G", {"engine": "sglang", "precision": "int8", "tensor_parallel_size": 32}),
        ("A800-80G", {"precision": "int8", "imagined": True}),
        ("A800-80G", {"model": LARGE, "accelerators_per_node": 1}),
        ("A800-80G", {"model": LARGE, "accelerators_per_node": 2}),
        ("H800-80G", {"model": SMALL, "precision": "fp8", "imagined": True, "tensor_parallel_size": 3}),
        ("H800-80G", {"model": SMALL, "tensor_parallel_size": 1, "pipeline_parallel_size": 1}),
        ("Ascend910B-64G", {"precision": "fp8"}),
        ("Ascend910B-64G", {"dtype": "half"}),
        ("H200-141G", {"engine": "deepseek-infer"}),
        ("H200-141G", {"engine_extra_args": ["--x"], "engine_image": "mine/vllm:new"}),
        ("H200-141G", {"accelerators_per_node": 65}),
    ],
)
def test_other_plans(accelerator, contract):
    asked = {"executor": "mp", **contract, "accelerator": accelerator}
    hypothetical = asked.pop("imagined", False)
    for machines in (NODES, {"n0": NODES["n0"]}):
        plan = make_plan(Settings(**asked), machines, hypothetical=hypothetical)
        assert told(list(said_by([plan.of_service("r1")])))


LLAMA = {"architectures": ["LlamaForCausalLM"], "num_hidden_layers": 2, "hidden_size": 64, "intermediate_size": 64}
LLAMA |= {"num_attention_heads": 4, "vocab_size": 9, "max_position_embeddings": 99}


@pytest.mark.parametrize(
    "text",
    [
        *(b"\xff", b"[]", b"{", b"{}", b'{"architectures": ["LlamaForCausalLM"]}'),
        json.dumps({**LLAMA, "num_key_value_heads": 3}).encode(),
        json.dumps({**LLAMA, "n_routed_experts": 8}).encode(),
        json.dumps({**LLAMA, "kv_lora_rank": 8}).encode(),
        json.dumps({**LLAMA, "torch_dtype": "int3"}).encode(),
        json.dumps({**LLAMA, "quantization_config": {"quant_method": "x"}}).encode(),
    ],
)
def test_models_that_cannot_be_read(tmp_path, text):
    (tmp_path / "config.json").write_bytes(text)
    plan = make_plan(Settings(accelerator="H200-141G", model=str(tmp_path)), NODES)
    assert told([problem.message for problem in plan.problems])


def test_ill_nodes():
    devices = [{"index": i, "memory_mib": 81559, "bus": f"0000:{i}b:00.0"} for i in range(2)]
    aged = [{"xid": xid, "bus": "0000:3b:00", "age_seconds": 60 * 7**xid % 400_000} for xid in load_xids()]
    facts = {"accelerators": devices, "module_version": "580.95.05", "module_flavour": "proprietary", "modules": []}
    facts |= {"events": aged, "acs_bridges": ["0000:00:01.0"], "iommu": True, "rdma": [{"name": "mlx5_0"}]}
    assert len(told(list(health_cautions("n1", facts)))) > len(aged) / 2
    assert told([found.message for found in health_problems("n1", facts, wanted=0, share=0.9)])
    slow = {"accelerators": [{"index": 0, "name": "NVIDIA H200", "persistence": "Disabled"}], "model_root": "/a"}
    mixed = {"accelerators": [{"name": "NVIDIA H200"}, {"name": "NVIDIA H20"}], "model_root": "/b"}
    for first, second in ((slow, slow), (slow, mixed), (mixed, slow), (slow, {})):
        nodes = {"n0": {**NODES["n0"], **first}, "n1": {**NODES["n1"], **second}}
        assert told(list(said_by([make_plan(Settings(model=SMALL, executor="mp"), nodes)])))


def test_networks_between_nodes(machine):  # noqa: F811
    bonded, infiniband = machine("bonded"), machine("infiniband")
    small = {**bonded, "interfaces": [{**i, "mtu": 1500} for i in bonded["interfaces"]]}
    one = {**infiniband, "rdma": [device for device in infiniband["rdma"] if device["name"] == "mlx5_0"]}
    routes = {"10.0.0.2": {"interface": "bond1"}}
    found = []
    for env, pair_of_nodes in (
        ({"NCCL_IB_DISABLE": "1"}, pair(bonded, "bond0", small, routes=routes)),
        ({}, pair(infiniband, "eno3", cluster_rdma="mlx5_1, mlx5_7:1")),
        ({}, [member("n1", machine("roce"), "ens1np0"), member("n2", one, "eno3", "10.0.0.2")]),
        ({"NCCL_IB_HCA": "mlx9"}, pair(infiniband, "eno3")),
    ):
        fabric, refused = derive_fabric(CONTRACT.model_copy(update={"engine_extra_env": env}), pair_of_nodes, "nvidia")
        found += [*fabric.warnings, *(problem.message for problem in refused)]
    assert len(told(found)) > 5


def test_slow_networks():
    ends = ("n1", "n2", "n4")
    slow = mesh(4, 9, **{f"n3_{n}": 1 for n in ends}, **{f"{n}_n3": 2 for n in ends})
    lanes = mesh(2, [100.0] * 4, n1_n2=[100.0, 30.0, 100.0, 100.0])
    logs = {"n1": log("infiniband"), "n2": log("no_verbs"), "n3": log("fallback")}
    found = [
        *problems(result(slow), nodes(4)),
        *problems(result(mesh(3, 20)), nodes(3, 200, ["m:1"]), "rdma"),
        *problems(result(mesh(9, 9, **{f"n{i}_n{i + 1}": i / 10 for i in range(1, 9)})), nodes(9)),
        *problems(result(lanes, lanes=4), nodes(2, 400, ["m:1"]), "rdma"),
        *problems(result(mesh(4, 190), reduced=80), nodes(4, 200, ["m:1"]), "rdma"),
        *problems(result(mesh(3, 190), logs=logs), nodes(3, 200, ["mlx5_0:1", "mlx5_1:1"]), "rdma"),
    ]
    assert len(told(found)) > 10


def test_tools_that_fail(tmp_path):
    module = load_module("accelerator_facts")
    said = []
    for number, script in enumerate(("exit 3", "echo broken; exit 4", "kill -9 $$", "echo '<a/>'", "echo '<'")):
        tool = tmp_path / f"tool{number}"
        tool.write_text(f"#!/bin/sh\n{script}\n")
        tool.chmod(0o755)
        said += module.read_accelerators({"nvidia": str(tool)}.get, 20)["problems"]
    for vendor, answer in (("amd", "[]"), ("amd", "{"), ("amd", "{}"), ("ascend", "?"), ("vastai", "?")):
        tool.write_text(f"#!/bin/sh\necho '{answer}'\n")
        said += module.read_accelerators({vendor: str(tool)}.get, 20)["problems"]
    said += module.read_accelerators({"nvidia": str(tmp_path / "none")}.get, 20)["problems"]
    said += module.read_accelerators({}.get, 20)["problems"]
    ill = {"index": 3, "mig": "Enabled", "ecc_uncorrectable": 2, "persistence": "Disabled"}
    said += health([ill])
    assert len(told([f"n1: {problem['message']}" for problem in said])) > 14


def test_ray_that_is_not_whole():
    verdict = load_module("ray_cluster_facts").verdict
    found = [{"address": "10.0.0.1", "accelerators": 8}, {"address": "10.0.0.9", "accelerators": 4}]
    wanted = (["10.0.0.1", "10.0.0.9"], ["10.0.0.1"], ["10.0.0.1", "10.0.0.9", "10.0.0.3"], ["10.0.0.1", "10.0.0.2"])
    assert len(told([verdict(found, list(addresses), 16)[1] for addresses in wanted])) == 4


@pytest.mark.parametrize(
    ("status", "chinese"),
    [
        ("Up 3 hours (healthy)", "已运行 3 小时（健康）"),
        ("Up Less than a second", "已运行不到 1 秒"),
        ("Exited (137) About a minute ago", "已退出（137），约 1 分钟前"),
        ("Restarting (1) 5 seconds ago", "正在重启（1），5 秒前"),
    ],
)
def test_dockers_words(status, chinese):
    assert in_chinese(status) == chinese
