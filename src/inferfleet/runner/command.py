"""The ansible-playbook command line and environment of a run, built by pure functions."""

import configparser
import os
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from inferfleet.inventory.removal import source_of
from inferfleet.runner.extra_vars import ExtraVars, shown_extra_vars


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """How a run logs in to the nodes, becomes root there and decrypts the inventory.

    A password of None is not prompted for.
    """

    user: str | None = None
    private_key: Path | None = None
    become: bool = False
    vault_password_file: Path | None = None
    ssh_password: str | None = field(default=None, repr=False)
    become_password: str | None = field(default=None, repr=False)
    vault_password: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Request:
    """A requested run of a playbook.

    `root` is the checkout, `playbook` a path relative to it, `inventory` an absolute path or a host list, `removed` the
    nodes that the run takes out of it.
    """

    root: Path
    playbook: str
    inventory: str
    extra_vars: Sequence[ExtraVars] = ()
    limit: str | None = None
    tags: str | None = None
    skip_tags: str | None = None
    check: bool = False
    diff: bool = False
    forks: int | None = None
    verbosity: int = 0
    access: Access = Access()
    removed: Sequence[str] = ()

    @property
    def partial(self) -> bool:
        """Whether tags select the tasks, so that the stages are unknown in advance."""
        return bool(self.tags or self.skip_tags)


def arguments(request: Request, extra_vars_files: Sequence[Path]) -> list[str]:
    """Return the arguments of ansible-playbook; variables come from files, never from the command line."""
    extra_vars = [part for path in extra_vars_files for part in ("-e", f"@{path}")]
    inventory, playbook = request.inventory, str(request.root / request.playbook)
    return ["-i", inventory, *_removal(request), *_options(request, Path("/")), *extra_vars, playbook]


def bound_to_parent(argv: Sequence[str], setpriv: str | None) -> list[str]:
    """Return `argv`, terminated with SIGTERM when this process is killed, if `setpriv` is available.

    Otherwise the run would continue without a terminal until its next output.
    """
    return [setpriv, "--pdeathsig", "TERM", *argv] if setpriv else list(argv)


def shown_command(request: Request, cwd: Path) -> str:
    """Return the equivalent ansible-playbook command to copy into a shell, with secrets masked."""
    inventory = _short(request.inventory, request.root)
    extra_vars = [part for item in request.extra_vars for part in shown_extra_vars(item, request.root)]
    words = ["ansible-playbook", request.playbook, "-i", inventory, *_removal(request)]
    words += _options(request, request.root)
    line = shlex.join([*words, *extra_vars])
    return line if cwd == request.root else f"cd {shlex.quote(str(request.root))} && {line}"


def _removal(request: Request) -> list[str]:
    return ["-i", source_of(request.removed)] if request.removed else []


def _options(request: Request, root: Path) -> list[str]:
    words: list[str] = []
    for option, value in (
        ("--limit", request.limit),
        ("--tags", request.tags),
        ("--skip-tags", request.skip_tags),
        ("--forks", request.forks),
    ):
        words += [option, str(value)] if value is not None else []
    words += ["--check"] if request.check else []
    words += ["--diff"] if request.diff else []
    words += access_arguments(request.access, root)
    # The first -v shows Ansible's output; further ones increase its verbosity.
    words += [f"-{'v' * (request.verbosity - 1)}"] if request.verbosity > 1 else []
    return words


def access_arguments(access: Access, root: Path) -> list[str]:
    """Return the options of ansible-playbook, which `inferfleet` accepts too; paths below `root` are relative to it."""
    words = ["--user", access.user] if access.user else []
    for option, path in (
        ("--private-key", access.private_key),
        ("--vault-password-file", access.vault_password_file),
    ):
        words += [option, _short(str(path), root)] if path else []
    for option, given in (
        ("--become", access.become),
        ("--ask-pass", access.ssh_password is not None),
        ("--ask-become-pass", access.become_password is not None),
        ("--ask-vault-pass", access.vault_password is not None),
    ):
        words += [option] if given else []
    return words


def _short(path: str, root: Path) -> str:
    """Return `path` relative to the checkout if it is inside it; root "/" leaves it unchanged."""
    inside = root != Path("/") and Path(path).is_relative_to(root)
    return str(Path(path).relative_to(root)) if inside else path


def environment(root: Path, env: Mapping[str, str], tools: Path, color: bool) -> dict[str, str]:
    """Return the additional environment variables of ansible-playbook.

    `tools` is the folder with the commands of this Python, so that roles find the tools of Ansible.
    """
    added = {
        "PATH": os.pathsep.join([str(tools), env.get("PATH", os.defpath)]),
        "ANSIBLE_FORCE_COLOR": "1" if color else "0",
        "ANSIBLE_NOCOLOR": "0" if color else "1",
        "LC_ALL": "C.UTF-8",  # Ansible requires UTF-8
    }
    config = root / "ansible.cfg"
    if config.is_file():
        added["ANSIBLE_CONFIG"] = str(config)
    callbacks = root / "plugins" / "callback"
    if callbacks.is_dir():  # ansible-runner sets the variable to its own folder, which overrides ansible.cfg
        added["ANSIBLE_CALLBACK_PLUGINS"] = os.pathsep.join(
            filter(None, [str(callbacks), env.get("ANSIBLE_CALLBACK_PLUGINS")])
        )
    if "ANSIBLE_HOST_KEY_CHECKING" not in env:
        # ansible-runner disables the check if unset: set the value of ansible.cfg.
        added["ANSIBLE_HOST_KEY_CHECKING"] = _configured(config, "host_key_checking", "True")
    return added


def _configured(config: Path, key: str, default: str) -> str:
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    parser.read(config)
    return parser.get("defaults", key, fallback=default)
