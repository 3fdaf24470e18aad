"""Passwords typed in, and the options of a run that use them."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import typer
from done import Done

from inferfleet.cli.access import access_of
from inferfleet.cli.options import AccessOptions, VaultOptions
from inferfleet.runner.command import Access

pytestmark = pytest.mark.slow  # runs ansible-playbook

Command = Callable[..., Done]


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, bool, bool]]:
    """Return the prompts shown so far: text, whether it is hidden, whether it may be empty."""
    shown: list[tuple[str, bool, bool]] = []

    def prompt(text: str, *, default: str | None, hide_input: bool, **_: object) -> str:
        shown.append((text, hide_input, default is not None))
        return f"pw{len(shown)}"

    monkeypatch.setattr(sys.stdin, "isatty", lambda: True)
    monkeypatch.setattr(typer, "prompt", prompt)
    return shown


def test_passwords_are_prompted_for_in_the_order_of_ansible(typed: list[tuple[str, bool, bool]]) -> None:
    options = AccessOptions(user="ops", become=True, ask_pass=True, ask_become_pass=True, ask_vault_pass=True)
    assert access_of(options, Path("/")) == Access(
        user="ops", become=True, ssh_password="pw1", become_password="pw2", vault_password="pw3"
    )
    assert typed == [
        ("SSH password", True, False),
        ("sudo password (empty: the SSH password)", True, True),
        ("Vault password", True, False),
    ]


def test_without_an_ssh_password_the_sudo_password_is_required(typed: list[tuple[str, bool, bool]]) -> None:
    assert access_of(AccessOptions(ask_become_pass=True), Path("/")).become_password == "pw1"
    assert typed == [("sudo password", True, False)]


def test_files_are_relative_to_the_current_folder(tmp_path: Path) -> None:
    for name in ("key", "vault"):
        (tmp_path / name).touch()
    options = AccessOptions(private_key=Path("key"), vault_password_file=Path("vault"))
    assert access_of(options, tmp_path) == Access(private_key=tmp_path / "key", vault_password_file=tmp_path / "vault")
    assert access_of(VaultOptions(), tmp_path) == Access()


def test_options_are_in_the_ansible_command(inferfleet: Command, tmp_path: Path) -> None:
    (tmp_path / "key").touch()
    options = ["-u", "ops", "--private-key", str(tmp_path / "key"), "-b", "-e", f"demo_state={tmp_path} demo_fail=task"]
    done = inferfleet("up", "-i", "inventories/demo", "--check", *options)
    line = f"-i inventories/demo --check --user ops --private-key {tmp_path}/key --become"
    assert line in done.stdout.splitlines()[1]


@pytest.mark.parametrize("command", ["up", "status", "doctor", "check", "plan"])
def test_commands_have_the_vault_options(inferfleet: Command, command: str) -> None:
    done = inferfleet(command, "-i", "inventories/demo", "--vault-password-file", "/no/such/file")
    assert done.exit_code == 1
    assert "--vault-password-file: file /no/such/file does not exist." in done.stderr
