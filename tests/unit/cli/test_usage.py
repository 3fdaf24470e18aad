"""Errors before Ansible starts: one line, exit code 1, nothing runs."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
import typer
from done import Done

pytestmark = pytest.mark.slow  # runs ansible-playbook

Command = Callable[..., Done]


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (
            ["-i", "inventories/dmeo"],
            "inferfleet: Inventory 'inventories/dmeo' does not exist. Did you mean inventories/demo?",
        ),
        (
            ["-i", "inventories/demo", "-e", "model"],
            "inferfleet: -e model: it is not key=value. Write it as key=value, @file or a JSON mapping.",
        ),
        (
            ["-i", "inventories/demo", "--junit", "/no/such/report.xml"],
            "inferfleet: --junit /no/such/report.xml cannot be written: folder /no/such does not exist."
            " Specify a file in an existing folder.",
        ),
        (
            ["-i", "inventories/demo", "--vault-password-file", "/no/such/file"],
            "inferfleet: --vault-password-file: file /no/such/file does not exist."
            " Specify the file that contains the vault password.",
        ),
        (
            ["-i", "inventories/demo", "--ask-vault-pass"],
            "inferfleet: --ask-vault-pass needs a terminal. Use --vault-password-file or ANSIBLE_VAULT_PASSWORD_FILE.",
        ),
        (
            ["-i", "inventories/demo", "-k"],
            "inferfleet: --ask-pass needs a terminal."
            " Use an SSH key, or set ANSIBLE_CONNECTION_PASSWORD_FILE to a file that contains the password.",
        ),
        (
            ["-i", "inventories/demo", "-bK"],
            "inferfleet: --ask-become-pass needs a terminal."
            " Set ANSIBLE_BECOME_PASSWORD_FILE to a file that contains the password, or log in as root.",
        ),
        (
            ["-i", "inventories/demo", "--private-key", "/no/such/key"],
            "inferfleet: --private-key: file /no/such/key does not exist."
            " Specify the file that contains the private SSH key.",
        ),
    ],
)
def test_invalid_usage_prints_one_line(inferfleet: Command, demo: Path, arguments: list[str], line: str) -> None:
    before = set((demo / ".cache").rglob("*"))
    done = inferfleet("up", *arguments)
    assert (done.exit_code, done.stdout, done.stderr) == (1, "", line + "\n")
    assert set((demo / ".cache").rglob("*")) == before


def test_invalid_usage_prints_a_json_document(inferfleet: Command) -> None:
    done = inferfleet("status", "-i", "nowhere", "--json")
    document = json.loads(done.stdout)
    assert (done.exit_code, document["exit_code"], document["outcome"]) == (1, 1, "bad_input")
    assert document["problems"][0]["code"] == "no-inventory"


def test_second_run_of_an_inventory_is_refused(inferfleet: Command, demo: Path, tmp_path: Path) -> None:
    inventory = demo / "inventories" / "demo"
    hold = "import sys, pathlib, inferfleet.runner.lock as l\nwith l.locked(pathlib.Path(sys.argv[1]), sys.argv[2]):"
    hold += " print('held', flush=True); sys.stdin.read()"
    pipe = subprocess.PIPE
    first = subprocess.Popen([sys.executable, "-c", hold, demo, inventory], stdin=pipe, stdout=pipe, text=True)
    with first:
        assert first.stdout is not None
        assert first.stdout.readline() == "held\n"
        second = inferfleet("up", "-i", "inventories/demo")
        harmless = inferfleet("up", "-i", "inventories/demo", "--check", "-e", f"demo_state={tmp_path}")
        first.kill()
    assert (second.exit_code, second.stdout, second.stderr) == (
        1,
        "",
        f"inferfleet: Another run is using {inventory} (process {first.pid})."
        " Wait until it finishes, or stop it with Ctrl-C.\n",
    )
    assert harmless.exit_code == 0
    assert inferfleet("up", "-i", "inventories/demo", "-e", f"demo_state={tmp_path}").exit_code == 0


def test_down_is_refused_without_confirmation(inferfleet: Command, demo: Path, tmp_path: Path) -> None:
    before = set((demo / ".cache").rglob("*"))
    for options, hosts in (([], "all hosts"), (["--limit", "node2"], "node2")):
        done = inferfleet("down", "-i", "inventories/demo", *options)
        assert (done.exit_code, done.stdout, done.stderr) == (
            1,
            "",
            f"inferfleet: This command stops the services of inventories/demo ({hosts}), and there is no terminal to"
            " confirm it. Add --yes to confirm it, or --check to see what would be removed.\n",
        )
    assert set((demo / ".cache").rglob("*")) == before
    assert inferfleet("down", "-i", "inventories/demo", "--check").exit_code == 0
    assert "Inventory 'nowhere' does not exist." in inferfleet("down", "-i", "nowhere").stderr


@pytest.mark.parametrize(("answer", "code"), [(True, 0), (False, 1)])
def test_down_prompts_on_a_terminal(
    inferfleet: Command, monkeypatch: pytest.MonkeyPatch, answer: bool, code: int
) -> None:
    prompts: list[str] = []
    monkeypatch.setattr("inferfleet.cli.confirm.sys", SimpleNamespace(stdin=SimpleNamespace(isatty=lambda: True)))
    monkeypatch.setattr(typer, "confirm", lambda text, **_: prompts.append(text) or answer)
    done = inferfleet("down", "-i", "inventories/demo", "--limit", "node2")
    assert prompts == ["Stop the services of inventories/demo and remove what was deployed (node2)?"]
    assert (done.exit_code, done.stderr) == (
        code,
        "" if answer else "inferfleet: Not confirmed: nothing was changed.\n",
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["up"], "Missing option '-i' / '--inventory'"),
        (["up", "--frobnicate"], "No such option"),
        (["frobnicate"], "No such command 'frobnicate'"),
        (["clients", "ad", "app"], "No such command 'ad'. Did you mean add?"),
        (["clients", "delete", "app"], "No such command 'delete'. Choose from list, add, rotate, revoke."),
        (["clients", "-i", "x"], "No such option: -i. The options of a command are written after it."),
        (["clients", "add", "-i", "x"], "Missing argument NAME."),
        (["clients", "add", "app", "--model", "m", "-i", "x"], "(possible options: --models)"),
        (["up", "-i", "x", "--forks", "none"], "Invalid value for '-f' / '--forks'"),
    ],
)
def test_invalid_options_exit_with_code_1(inferfleet: Command, arguments: list[str], message: str) -> None:
    done = inferfleet(*arguments)
    assert done.exit_code == 1
    assert message in done.stderr


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["Chat App"], "bad-client-name"),
        (["app", "--expires", "31.1.2027"], "bad-client-option"),
        (["app", "--expires", "2020-01-31"], "expired-client"),
    ],
)
def test_client_with_an_invalid_option_is_refused_before_ansible_starts(
    inferfleet: Command, arguments: list[str], code: str
) -> None:
    done = inferfleet("clients", "add", *arguments, "-i", "inventories/demo", "--json")
    document = json.loads(done.stdout)
    assert (done.exit_code, [problem["code"] for problem in document["problems"]]) == (1, [code])
    assert document["log"] == ""


@pytest.mark.parametrize("tags", [["--tags", "never"], ["--skip-tags", "all"], ["--skip-tags", "untagged"]])
def test_client_is_not_reported_as_revoked_if_tags_select_nothing(inferfleet: Command, tags: list[str]) -> None:
    done = inferfleet("clients", "revoke", "app", *tags, "-i", "inventories/demo", "--json")
    document = json.loads(done.stdout)
    assert (done.exit_code, [problem["code"] for problem in document["problems"]]) == (1, ["unknown-tag"])
    assert document["log"] == ""


@pytest.mark.parametrize("command", ["up", "status", "down"])
def test_help_has_examples(inferfleet: Command, command: str) -> None:
    done = inferfleet(command, "--help")
    assert done.exit_code == 0
    assert f"inferfleet {command} -i inventories/lab" in done.stdout


def test_help_lists_the_exit_codes(inferfleet: Command) -> None:
    shown = " ".join(inferfleet("--help").stdout.split())
    assert "2 a task failed" in shown
    assert "130 interrupted" in shown
