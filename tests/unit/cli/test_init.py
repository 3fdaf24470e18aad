"""`inferfleet init`, without and on a terminal."""

import json
import os
import sys
from pathlib import Path

import pexpect
import pytest
from typer.testing import CliRunner

from inferfleet.cli import app

ROOT = Path(__file__).parents[3]
SITE = ("--hosts", "10.0.0.[11:14]", "--accelerators-per-node", "8", "--model", "deepseek-r1")


@pytest.fixture
def init(tmp_path, monkeypatch):
    def call(*arguments):
        monkeypatch.chdir(tmp_path)
        monkeypatch.setenv("INFERFLEET_HOME", str(ROOT))
        ended = CliRunner().invoke(app, ["init", *arguments, "--json"])
        assert ended.exception is None or isinstance(ended.exception, SystemExit)
        return ended.exit_code, json.loads(ended.stdout)

    return call


def codes(document):
    return [problem["code"] for problem in document["problems"]]


def test_the_answers_are_planned_and_written(init, tmp_path):
    code, written = init("site", *SITE, "--accelerator", "A800-80G")
    assert (code, codes(written)) == (0, [])
    assert sorted(written["files"]) == ["site/.gitignore", "site/group_vars/all/10_cluster.yml", "site/hosts.yml"]
    assert (written["plan"]["tensor_parallel_size"], written["plan"]["pipeline_parallel_size"]) == (8, 4)
    assert (tmp_path / "site" / "hosts.yml").is_file()
    assert (init("site", *SITE, "--accelerator", "A800-80G")[0], codes(init("site", *SITE)[1])) == (1, ["not-empty"])


@pytest.mark.parametrize(("options", "shown"), [(("--user", "ops", "--sudo"), True), ((), False)])
def test_the_next_steps_name_the_prompt_for_the_sudo_password(tmp_path, monkeypatch, options, shown):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("INFERFLEET_HOME", str(ROOT))
    ended = CliRunner().invoke(app, ["init", "site", *SITE, "--accelerator", "A800-80G", *options])
    assert ended.exit_code == 0
    assert ("-K" in ended.stdout) is shown
    assert "cluster_interface" in ended.stdout.partition("Warnings\n")[2]  # those of the plan


@pytest.mark.parametrize(
    ("arguments", "code", "problem"),
    [
        ((), 1, "answers-missing"),
        ((*SITE, "--accelerator", "A800"), 1, "ambiguous-name"),
        ((*SITE, "--accelerator", "Z9"), 1, "unknown-name"),
        ((*SITE, "--accelerator", "A800-80G", "--cluster-network", "10.0.0.0/33"), 1, "bad-value"),
        ((*SITE, "--accelerator", "A800-80G", "--accelerators-per-node", "x"), 1, "bad-count"),
        (("--hosts", "gpu1", *SITE[2:], "--accelerator", "H200-141G"), 1, "address-unknown"),
        (("--hosts", "10.0.0.11", *SITE[2:], "--accelerator", "V100-32G"), 3, None),
        (("--like", "a800", "--hosts", "10.0.0.11"), 1, "usage"),
    ],
)
def test_nothing_is_written_for_answers_that_cannot_work(init, tmp_path, arguments, code, problem):
    ended, document = init("site", *arguments)
    assert ended == code
    assert document["problems"]
    assert problem in (None, *codes(document))
    assert all(item["remedy"] for item in document["problems"])
    assert not (tmp_path / "site").exists()


def test_a_folder_is_required(init):
    assert codes(init(*SITE, "--accelerator", "A800-80G")[1]) == ["no-folder"]


def test_missing_options_are_named(init):
    [problem] = init("site", "--hosts", "10.0.0.11", "--model", "deepseek-r1")[1]["problems"]
    assert problem["parameters"]["options"] == ["--accelerator", "--accelerators-per-node"]


@pytest.mark.slow  # a terminal
def test_questions_on_a_terminal(tmp_path):
    """A wrong answer is prompted for again; a model that does not fit starts a second round with the same answers."""
    program = [sys.executable, "-c", "from inferfleet.cli import app; app()", "init", "site"]
    environment = {**os.environ, "INFERFLEET_HOME": str(ROOT), "LANG": "C.UTF-8", "NO_COLOR": "1"}
    with pexpect.spawn(
        program[0], program[1:], cwd=str(tmp_path), env=environment, encoding="utf-8", timeout=60, dimensions=(40, 200)
    ) as terminal:
        answers = ["10.0.0.11", "ops", "", "", "V100", "V100-32G", "8", "deepseek-r1", "", ""]
        expected = ["Nodes", "SSH user", "sudo", "Jump host", "Accelerator", "Accelerator", "Accelerators per node"]
        for question, answer in zip([*expected, "Model", "Network", "Open WebUI"], answers, strict=True):
            terminal.expect(question)
            terminal.expect(r"(: |\]: ?)$")
            terminal.sendline(answer)
        terminal.expect("nevertheless")
        terminal.sendline("n")
        terminal.expect(r"Nodes.*\[10\.0\.0\.11\]: $")
        for answer in ("10.0.0.[11:12]", "", "", "", "H200-141G", "", "", "", ""):
            terminal.sendline(answer)
        terminal.expect("inferfleet check -i site")
        terminal.expect(pexpect.EOF)
    assert terminal.exitstatus == 0
    text = (tmp_path / "site" / "hosts.yml").read_text()
    assert "ansible_user: ops" in text
    assert "ansible_become: true" in text
    assert "accelerator: H200-141G" in (tmp_path / "site/group_vars/all/10_cluster.yml").read_text()
