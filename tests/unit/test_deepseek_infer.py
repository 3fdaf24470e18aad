"""The role deepseek_infer: conversion steps and command lines, checked with stand-ins for its programs."""

import json
import shlex
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import pytest
import yaml
from jinja2 import Environment

from inferfleet.deepseek_infer import batch_argv, conversion_steps, converted_files, docker_run
from inferfleet.planner import ContainerPlan, make_plan
from inferfleet.settings import Settings

STAND_IN = Path(__file__).parents[1] / "deepseek_infer_stand_in" / "inference"


@pytest.fixture(scope="module")
def plan():
    """Return the demo's plan for R1 on two nodes of eight H800."""
    machines = {f"n{i}": {"role": "worker" if i else "head", "address": f"10.0.0.{i + 1}"} for i in range(2)}
    return make_plan(
        Settings(engine="deepseek-infer", engine_port=29500, executor="mp", accelerator="H800-80G"), machines
    )


def test_fp8_weights_are_converted_without_a_cast():
    (step,) = conversion_steps("/weights/R1", "/weights/cast", "/weights/new", ranks=16, experts=256, cast=False)
    assert step["argv"] == shlex.split(
        "python3 convert.py --hf-ckpt-path /weights/R1 --save-path /weights/new --n-experts 256 --model-parallel 16"
    )
    assert not step["accelerated"]


def test_bf16_weights_are_cast_before_the_conversion():
    cast, convert = conversion_steps("/weights/R1", "/weights/cast", "/weights/new", ranks=16, experts=256, cast=True)
    assert (cast["name"], convert["name"]) == ("cast", "convert")
    assert cast["argv"] == shlex.split(
        "python3 fp8_cast_bf16.py --input-fp8-hf-path /weights/R1 --output-bf16-hf-path /weights/cast"
    )
    assert cast["accelerated"]
    assert convert["argv"][2:4] == ["--hf-ckpt-path", "/weights/cast"]


@pytest.mark.parametrize(("ranks", "refused"), [(16, False), (3, True), (24, True)])
def test_role_refuses_indivisible_experts(ranks, refused):
    tasks = yaml.safe_load((Path(__file__).parents[2] / "roles/deepseek_infer/tasks/check.yml").read_text())
    (condition,) = [task["when"] for task in tasks if task.get("fail_with_problem", {}).get("code") == "indivisible"]
    expression = Environment(autoescape=True).compile_expression(condition)
    assert expression(deepseek_infer_experts=256, deepseek_infer_ranks=ranks) is refused


def test_complete_conversion_has_a_file_per_rank_and_the_tokenizer():
    names = ["config.json", "tokenizer_config.json", "tokenizer.json", "model-00001-of-00002.safetensors"]
    files = converted_files(16, names)
    assert files[:2] == ["model0-mp16.safetensors", "model1-mp16.safetensors"]
    assert files[15:] == ["model15-mp16.safetensors", "tokenizer.json", "tokenizer_config.json"]


def test_batch_command_line_reads_a_file(plan):
    argv = plan.nodes["n1"].argv
    assert batch_argv(argv, "/prompts.txt") == shlex.split(
        "torchrun --nnodes 2 --nproc-per-node 8 --node-rank 1 --master-addr 10.0.0.1 --master-port 29500 generate.py"
        " --ckpt-path /weights/DeepSeek-R1-mp16 --config configs/config_671B.json --input-file /prompts.txt"
    )
    own = ["--temperature", "0"]
    assert batch_argv([*argv, *own], "/p")[-4:] == ["--input-file", "/p", *own]


def options(**planned):
    return {
        "name": "demo",
        "image": "registry/demo:1",
        "argv": ["torchrun", "generate.py", "--interactive"],
        "planned": asdict(ContainerPlan(**planned)),
        "working_dir": "/inference",
        "devices": ["/dev/infiniband"],
        "volumes": ["/a b:/weights:ro"],
        "env": {"NCCL_SOCKET_IFNAME": "=bond0"},
    }


def test_docker_run_command():
    command = docker_run(options(gpus="all", cap_add=("IPC_LOCK",), ulimits=("memlock=-1:-1",)))
    assert command == (
        "docker run --rm --interactive --tty --name demo --network host --ipc host --cap-add IPC_LOCK"
        " --ulimit memlock=-1:-1 --gpus all --device /dev/infiniband --volume '/a b:/weights:ro'"
        " --env NCCL_SOCKET_IFNAME==bond0 --workdir /inference --entrypoint torchrun registry/demo:1 generate.py"
        " --interactive"
    )
    assert "--device nvidia.com/gpu=all" in docker_run(options(gpus="all"), cdi=True)
    assert "--gpus" not in docker_run(options())


def run(argv, **env):
    done = subprocess.run(
        [sys.executable, *argv[1:]],
        cwd=STAND_IN,
        capture_output=True,
        text=True,
        env={"PYTHONDONTWRITEBYTECODE": "1"} | env,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_stand_in_accepts_these_command_lines(tmp_path, plan):
    source, cast, target = tmp_path / "R1", tmp_path / "cast", tmp_path / "R1-mp16"
    source.mkdir()
    (source / "a.safetensors").write_text("weights")
    (source / "tokenizer.json").write_text("{}")
    (source / "model.safetensors.index.json").write_text(json.dumps({"weight_map": {"x": "a.safetensors"}}))
    first, second = conversion_steps(str(source), str(cast), str(target), ranks=16, experts=256, cast=True)
    run(first["argv"])
    (cast / "tokenizer.json").write_text("{}")  # as the role does
    run(second["argv"])
    assert sorted(path.name for path in target.iterdir()) == sorted(converted_files(16, ["tokenizer.json"]))
    (tmp_path / "prompts").write_text("Who are you?\n")
    argv = batch_argv(plan.nodes["n0"].argv, str(tmp_path / "prompts"))
    argv = ["python3", *argv[argv.index("generate.py") :]]
    argv[argv.index("--ckpt-path") + 1] = str(target)
    assert "Completion: Who are you? (16 ranks, 256 experts, fp8)" in run(argv, RANK="0", WORLD_SIZE="16")
    assert run(argv, RANK="15", WORLD_SIZE="16") == ""
