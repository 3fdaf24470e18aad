"""The command line of a session, from the variables with which Ansible reaches the host."""

import base64
import json
import shlex
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from inferfleet.messages import N_
from inferfleet.runner.command import Access
from inferfleet.runner.errors import UsageError

# ssh uses the first value of an option, so these precede the user's options. The last two are those of ansible.cfg.
_OPTIONS = {
    "BatchMode": "yes",
    "ConnectTimeout": "15",
    "ControlMaster": "no",
    "ControlPath": "none",
    "ServerAliveInterval": "15",
    "ServerAliveCountMax": "4",
}
_START = "import base64,sys,zlib;exec(compile(zlib.decompress(base64.b64decode(sys.argv.pop(1))),'inferfleet','exec'))"
"""Runs the program in the first argument, which sees the following ones as its own."""
_PYTHON = "/usr/bin/python3"
_SSH = ("", "ssh", "smart")
_TRUE = ("true", "yes", "on", "1", "y", "t")  # ansible: BOOLEANS_TRUE


@dataclass(frozen=True, slots=True)
class Session:
    """A program on a host: the local command that runs it, and the line that sudo reads as its password."""

    host: str
    argv: tuple[str, ...]
    password: str | None = field(default=None, repr=False)


def program_of(name: str) -> str:
    """Return the source of a program in the folder `on_node`."""
    return (Path(__file__).parent / "on_node" / f"{name}.py").read_text("utf-8")


def open_session(
    host: str, variables: Mapping[str, Any], access: Access, program: str, settings: Mapping[str, Any]
) -> Session:
    """Return the session that runs `program` (source) with `settings`, which must contain no secret, on the host.

    Raises:
        UsageError: the host is reached by a connection or becomes root by a method that sessions do not support.
    """
    values = {name: value for name, value in variables.items() if value not in (None, "")}
    packed = base64.b64encode(zlib.compress(program.encode())).decode()
    python = str(values.get("ansible_python_interpreter") or "")
    command = [python if python.startswith("/") else _PYTHON, "-u", "-c", _START, packed, json.dumps(settings)]
    become = str(values.get("ansible_become", access.become)).lower() in _TRUE
    if become:
        method = values.get("ansible_become_method", "sudo")
        if method != "sudo":
            raise _unsupported(host, "ansible_become_method", str(method), N_("Use sudo, or log in as root."))
        prompt = ["-n"] if access.become_password is None else ["-S", "-p", ""]
        command = ["sudo", *prompt, "--", *command]
    connection = str(values.get("ansible_connection", ""))
    password = access.become_password if become else None
    if connection == "local":
        return Session(host, tuple(command), password)
    if connection not in _SSH:
        raise _unsupported(host, "ansible_connection", connection, N_("Use ssh, or `inferfleet status` and `doctor`."))
    return Session(host, (*_ssh(host, values, access), shlex.join(command)), password)


def _unsupported(host: str, name: str, value: str, remedy: str) -> UsageError:
    return UsageError(
        "session-unsupported",
        N_("Variable {name} of {host} is {value}, which this command does not support."),
        remedy,
        host=host,
        name=name,
        value=value,
    )


def _ssh(host: str, values: Mapping[str, Any], access: Access) -> list[str]:
    argv = ["ssh", "-T", *(word for name, value in _OPTIONS.items() for word in ("-o", f"{name}={value}"))]
    for name in ("ansible_ssh_common_args", "ansible_ssh_extra_args"):
        argv += shlex.split(str(values.get(name, "")))
    key = values.get("ansible_private_key_file") or values.get("ansible_ssh_private_key_file") or access.private_key
    for flag, value in (("-p", values.get("ansible_port")), ("-l", values.get("ansible_user") or access.user)):
        argv += [flag, str(value)] if value else []
    argv += ["-i", str(key)] if key else []
    return [*argv, "--", str(values.get("ansible_host") or host)]
