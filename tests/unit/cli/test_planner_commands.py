"""Output and errors of `plan` and `estimate`."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from inferfleet.cli import app
from inferfleet.cli.commands import estimate
from inferfleet.cli.commands.check import next_step
from inferfleet.cli.commands.estimate import option_of, options_of
from inferfleet.messages import use_language
from inferfleet.runner.outcome import Outcome
from inferfleet.settings import Settings

ROOT = Path(__file__).parents[3]


def run(*arguments: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, arguments)
    use_language("en")
    assert done.exception is None or isinstance(done.exception, SystemExit)
    return done.exit_code, done.output


@pytest.mark.slow  # starts the command
def test_a_terminal_without_utf8_gets_ascii() -> None:
    """`×` is in tables and in refusals; neither may end in a traceback."""
    text, document = (
        subprocess.run(
            [sys.executable, "-c", "from inferfleet.cli import app; app()", *arguments],
            env={**os.environ, "PYTHONIOENCODING": "ascii"},
            capture_output=True,
            check=False,
        )
        for command in [["estimate", "--model", "deepseek-r1", "--accelerator", "H800"]]
        for arguments in (command, [*command, "--json"])
    )
    assert (text.returncode, document.returncode, text.stderr + document.stderr) == (3, 3, b"")
    assert b"does not fit onto 8 x H800-80G" in text.stdout
    assert "does not fit onto 8 × H800-80G" in json.loads(document.stdout)["problems"][0]["message"]


def test_plan_shows_the_commands_of_the_head_and_of_one_worker() -> None:
    code, output = run("plan", "-i", str(ROOT / "inventories" / "a800"))
    assert code == 0
    commands = output.partition("Commands\n")[2].splitlines()
    assert [line.split()[:3] for line in commands[:3]] == [
        ["a800-01:", "ray", "start"],
        ["a800-01:", "vllm", "serve"],
        ["a800-02:", "ray", "start"],
    ]


def test_plan_all_reports_missing_alternatives() -> None:
    code, output = run("plan", "-i", str(ROOT / "inventories" / "va16"), "--all")
    assert code == 0
    assert "No other layout was compared" in output


def test_memory_of_a_host_is_not_counted() -> None:
    _, output = run("plan", "-i", str(ROOT / "inventories" / "lab"), "--all", "--json")
    [only] = json.loads(output)["alternatives"]
    assert (only["fits"], only["reason"]["code"], only["budget"]) == (True, "chosen", None)


@pytest.mark.parametrize("given", ["modle=deepseek-v3", '{"modle": "deepseek-v3"}'])
def test_plan_refuses_a_mistyped_key(given: str) -> None:
    code, output = run("plan", "-i", str(ROOT / "inventories" / "a800"), "-e", given)
    assert code == 1
    assert "Variable modle (all hosts) is unknown." in output
    assert "Did you mean model?" in output


def test_plan_accepts_role_options() -> None:
    code, _ = run("plan", "-i", str(ROOT / "inventories" / "a800"), "-e", "preflight_image_space_gib=6", "-e", "x_a=1")
    assert code == 0


def test_plan_reports_facts_of_unknown_hosts(tmp_path: Path) -> None:
    (tmp_path / "facts.json").write_text('{"a900-01": {}}')
    code, output = run("plan", "-i", str(ROOT / "inventories" / "a800"), "--facts", str(tmp_path / "facts.json"))
    assert code == 0
    assert "Facts of a900-01 are ignored: the inventory has no such serving host." in output


SMALLER = "--checkpoint cognitivecomputations/DeepSeek-R1-AWQ --precision '' --tp 0 --pp 0"


@pytest.mark.parametrize(
    ("arguments", "code", "options"),
    [
        (["--accelerator", "H800", "--nodes", "4", "--tp", "32"], "tensor-parallel-indivisible", "--tp 0 --pp 0"),
        (
            ["--accelerator", "A800-80G", "--nodes", "4", "--precision", "fp8"],
            "precision-unsupported",
            "--checkpoint unsloth/DeepSeek-R1-BF16 --precision ''",
        ),
        (
            ["--accelerator", "V100-32G", "--engine", "sglang"],
            "engine-unsupported",
            "--engine vllm --nodes 7 --tp 0 --pp 0",
        ),
        (["--accelerator", "H800", "--per-node", "99"], "bad-value", f"--per-node 0 {SMALLER}"),
        (["--accelerator", "H800"], "does-not-fit", SMALLER),
        (["--accelerator", "H800x"], "unknown-name", f"--accelerator H800-80G {SMALLER}"),
    ],
)
def test_estimate_prints_the_remedy_as_options(arguments: list[str], code: str, options: str) -> None:
    _, output = run("estimate", "--model", "deepseek-r1", *arguments)
    assert f"\n  As options: {options}\n" in output
    _, document = run("estimate", "--model", "deepseek-r1", *arguments, "--json")
    problems = json.JSONDecoder().raw_decode(document[document.index("{") :])[0]["problems"]
    assert code in [problem["code"] for problem in problems]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--tp", "-1"], "Variable tensor_parallel_size (option --tp) is -1, which is out of range."),
        (["--engine", "vlm"], "Variable engine (option --engine) is 'vlm', which is not an allowed value."),
        (["--nodes", "0"], "Option --nodes is 0."),
    ],
)
def test_estimate_names_the_option_of_a_bad_value(arguments: list[str], message: str) -> None:
    code, output = run("estimate", "--model", "deepseek-r1", "--accelerator", "H800", *arguments)
    assert code == 1
    assert f"{message}\n" in output


def test_every_setting_of_estimate_is_an_option_by_its_own_name() -> None:
    """A refusal names settings, so that whoever reads one may write `--<setting>`."""
    command = typer.main.get_command(app).commands["estimate"]
    known = {option for parameter in command.params for option in parameter.opts}
    taken = {setting for setting in Settings.model_fields if option_of(setting) in known}
    assert taken == estimate._OPTIONS
    assert {f"--{setting.replace('_', '-')}" for setting in taken} <= known
    assert options_of({"model": "a b", "enforce_eager": True}) == "--model 'a b' --enforce-eager"
    assert options_of({"model": "a", "executor": "mp"}) == ""
    assert options_of({"model": "a", "engine_version": ""}) == "--model a"
    assert options_of({"nodes": 2, "data_parallel_size": 0}) == "--nodes 2"
    assert options_of({"what_no_setting_is": 1}) == ""


def test_the_remedy_of_estimate_is_one_of_its_options() -> None:
    code, _ = run(
        *("estimate", "--model", "deepseek-r1", "--accelerator", "A800-80G", "--nodes", "4"),
        *("--checkpoint", "unsloth/DeepSeek-R1-BF16"),
    )
    assert code == 0


def test_estimate_needs_no_interfaces_of_hypothetical_nodes() -> None:
    code, output = run("estimate", "--model", "deepseek-r1", "--accelerator", "NVIDIA H800 PCIe", "--nodes", "2")
    assert code == 0
    assert "interface" not in output


def test_estimate_selects_a_working_executor() -> None:
    assert run("estimate", "--model", "tiny-r1", "--accelerator", "cpu", "--nodes", "2")[0] == 0


def test_plan_shows_the_transport_of_the_ranks(tmp_path: Path) -> None:
    port = {"port": 1, "state": "ACTIVE", "rate_gbps": 200}
    facts = {f"a800-0{n}": {"rdma": [{"name": "mlx5_0", "ports": [port]}]} for n in range(1, 5)}
    (tmp_path / "facts.json").write_text(json.dumps(facts))
    code, text = run("plan", "-i", str(ROOT / "inventories/a800"), "--facts", str(tmp_path / "facts.json"))
    assert code == 0
    assert "mlx5_0:1, 200 Gbit/s" in text
    assert "Network" not in run("plan", "-i", str(ROOT / "inventories/a800"))[1]


@pytest.mark.slow  # runs ansible-playbook
@pytest.mark.parametrize(("language", "start"), [("en", "Next: "), ("zh", "下一步：")])
def test_check_ends_with_the_next_step(tmp_path: Path, language: str, start: str) -> None:
    (tmp_path / "hosts.yml").write_text("ray_head: {hosts: {n1: {ansible_host: 127.0.0.1, ansible_port: 1}}}\n")
    options = ["-i", str(tmp_path), "-u", "ops", "-e", "model=tiny-r1", "-e", "accelerator=cpu"]
    code, output = run("--lang", language, "check", *options)
    last = output.splitlines()[-1]
    assert code == 4
    assert last.startswith(start)
    assert f"inferfleet check -i {tmp_path} --user ops -e model=tiny-r1 -e accelerator=cpu" in last


def test_a_successful_check_leads_to_the_deployment() -> None:
    assert "`inferfleet up -i site`" in next_step(Outcome.OK, "-i site")
