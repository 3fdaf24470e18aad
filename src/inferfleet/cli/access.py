"""Access to nodes and inventories from the options: prompts for passwords, and checks files."""

import sys
from pathlib import Path

import typer

from inferfleet.cli.options import AccessOptions, VaultOptions
from inferfleet.cli.output.text import tr
from inferfleet.messages import N_
from inferfleet.runner.command import Access
from inferfleet.runner.errors import UsageError


def access_of(options: VaultOptions, cwd: Path) -> Access:
    """Return the access that the options describe; prompts for passwords where requested.

    Raises:
        UsageError: a file does not exist, or there is no terminal for a prompt.
    """
    remedy = N_("Specify the file that contains the vault password.")
    vault_file = _file("--vault-password-file", options.vault_password_file, cwd, "no-vault-password-file", remedy)
    if not isinstance(options, AccessOptions):
        return Access(vault_password_file=vault_file, vault_password=_vault_password(options))
    remedy = N_("Specify the file that contains the private SSH key.")
    private_key = _file("--private-key", options.private_key, cwd, "no-private-key", remedy)
    ssh_password = become_password = None
    if options.ask_pass:
        remedy = N_("Use an SSH key, or set ANSIBLE_CONNECTION_PASSWORD_FILE to a file that contains the password.")
        ssh_password = _prompt("--ask-pass", N_("SSH password"), remedy)
    if options.ask_become_pass:
        text = N_("sudo password (empty: the SSH password)") if options.ask_pass else N_("sudo password")
        remedy = N_("Set ANSIBLE_BECOME_PASSWORD_FILE to a file that contains the password, or log in as root.")
        become_password = _prompt("--ask-become-pass", text, remedy, empty=options.ask_pass)
    return Access(
        user=options.user,
        private_key=private_key,
        become=options.become,
        vault_password_file=vault_file,
        ssh_password=ssh_password,
        become_password=become_password,
        vault_password=_vault_password(options),
    )


def _vault_password(options: VaultOptions) -> str | None:
    if not options.ask_vault_pass:
        return None
    remedy = N_("Use --vault-password-file or ANSIBLE_VAULT_PASSWORD_FILE.")
    return _prompt("--ask-vault-pass", N_("Vault password"), remedy)


def _file(option: str, path: Path | None, cwd: Path, code: str, remedy: str) -> Path | None:
    """Return the absolute path of an option's file, None without the option; raises UsageError if it does not exist."""
    if path is None:
        return None
    file = (cwd / path.expanduser()).resolve()
    if not file.is_file():
        raise UsageError(code, N_("{option}: file {path} does not exist."), remedy, option=option, path=str(file))
    return file


def _prompt(option: str, text: str, remedy: str, *, empty: bool = False) -> str:
    """Return the password typed in without echo; `empty` is whether it may be empty."""
    if not sys.stdin.isatty():
        raise UsageError("no-terminal", N_("{option} needs a terminal."), remedy, option=option)
    default = "" if empty else None
    return str(typer.prompt(tr(text), default=default, hide_input=True, show_default=False, err=True))
