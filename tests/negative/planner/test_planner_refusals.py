"""Every invalid inventory and set of facts is refused with the exact text, and the remedies work."""

import json

import pytest
from planner_case import facts_of, read_cases, write_inventory
from typer.testing import CliRunner

from inferfleet.cli import app
from inferfleet.inventory.facts import flat_facts
from inferfleet.inventory.nodes import service_nodes
from inferfleet.inventory.read import read_inventory
from inferfleet.inventory.services import services_of
from inferfleet.planner import make_plan, plan_cluster, refusals
from inferfleet.settings import Settings

CASES = read_cases()
GATES = [c for c in vars(refusals).values() if isinstance(c, type) and getattr(c, "CODE", None)]
PLANNED = [case for case in CASES if case["exit"] == 3]
# Only direct callers of make_plan can cause these: the inventory check refuses them first.
BEFORE = {"model-path-differs", "bad-value"}
WITH_FILES = {"model-unsupported"}  # the text names a temporary folder


def by_name(case):
    return case["name"]


def test_every_check_has_a_case():
    assert len(CASES) >= 40
    assert len({case["name"] for case in CASES}) == len(CASES)
    seen = {refusal.partition(":")[0] for case in CASES for refusal in case["refusals"]}
    assert {gate.CODE for gate in GATES} - BEFORE - WITH_FILES <= seen
    assert len({gate.CODE for gate in GATES}) == len(GATES)


@pytest.mark.parametrize("case", CASES, ids=by_name)
def test_refusal(case, tmp_path):
    folder = tmp_path / "inventory"
    folder.mkdir()
    arguments = ["plan", "-i", str(write_inventory(case, folder)), "--json"]
    if "facts" in case:
        (tmp_path / "facts.json").write_text(json.dumps(facts_of(case)))
        arguments += ["--facts", str(tmp_path / "facts.json")]
    done = CliRunner().invoke(app, arguments)
    assert done.exception is None or isinstance(done.exception, SystemExit)
    problems = json.loads(done.stdout)["problems"]
    assert [f"{p['code']}: {p['message']} {p['remedy']}" for p in problems] == case["refusals"]
    assert done.exit_code == case["exit"]


@pytest.mark.parametrize("case", PLANNED, ids=by_name)
def test_remedy_removes_the_problem(case, tmp_path):
    read = read_inventory(str(write_inventory(case, tmp_path)))
    (plan,) = plan_cluster(read, facts_of(case)).plans
    service, facts = services_of(read.groups)[0], facts_of(case)
    nodes = service_nodes(service, read.variables, {host: flat_facts(facts.get(host, {})) for host in service.hosts})
    contract = {k: v for k, v in read.variables["n1"].items() if k in Settings.model_fields}
    for problem in plan.problems:
        change = dict(getattr(problem, "change", {}))
        if not change:
            continue  # a manual remedy: a driver, a cable, another inventory
        count = change.pop("nodes", len(nodes))
        grown = nodes | {
            f"n{i}": {**nodes["n1"], "role": "worker", "address": f"10.0.0.{i}"}
            for i in range(len(nodes) + 1, count + 1)
        }
        grown = dict(list(grown.items())[:count])
        healed = make_plan(Settings(**contract | change), grown)
        assert problem.code not in {p.code for p in healed.problems}, (change, healed.problems)


def test_different_model_paths():
    nodes = {
        f"n{i}": {"role": "worker" if i else "head", "address": f"10.0.0.{i + 1}", "model_root": f"/data{i}"}
        for i in range(2)
    }
    [problem] = make_plan(Settings(accelerator="H800-80G"), nodes).problems
    assert str(problem) == (
        "Variable model_root differs between hosts: /data0 on n0, /data1 on n1. All ranks must use the same path."
        " Set model_root once, in group_vars/all/10_cluster.yml; use symbolic links if the disks of the hosts differ."
    )


@pytest.mark.parametrize("command", ["plan", "estimate"])
@pytest.mark.parametrize(
    ("config", "reason", "remedy"),
    [
        (
            {"architectures": ["OwnForCausalLM"]},
            "the planner does not know architecture OwnForCausalLM",
            "Copy the safetensors files or model.safetensors.index.json to the same folder and set kv_bytes_per_token"
            " to the bytes of KV cache that a token takes on each rank, to plan with them on your own responsibility,"
            " or set model to a model in the catalog.",
        ),
        (
            {
                "architectures": ["LlamaForCausalLM"],
                "num_hidden_layers": 2,
                "hidden_size": 64,
                "intermediate_size": 64,
                "num_attention_heads": 4,
                "vocab_size": 9,
                "max_position_embeddings": 99,
                "quantization_config": {"quant_method": "own"},
            },
            "quantization_config has quant_method 'own', which is not supported",
            "This file is the publisher's and needs no change: set model to a checkpoint of a supported architecture"
            " and precision, or to a model in the catalog.",
        ),
    ],
)
def test_unsupported_model(command, config, reason, remedy, tmp_path):
    file = tmp_path / "config.json"
    file.write_text(json.dumps(config))
    if command == "plan":
        case = {"nodes": 1, "vars": {"accelerator": "H200-141G", "executor": "mp", "model": str(tmp_path)}}
        arguments = ["-i", str(write_inventory(case, tmp_path / "inventory"))]
    else:
        arguments = ["--config", str(tmp_path), "--accelerator", "H200-141G"]
    done = CliRunner().invoke(app, [command, *arguments, "--json"])
    [problem] = json.loads(done.stdout)["problems"]
    assert problem["code"] == "model-unsupported"
    assert problem["message"] == f"File {file}: {reason}."
    assert problem["remedy"] == remedy
    assert done.exit_code == 3
