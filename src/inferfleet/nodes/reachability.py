"""Problems of nodes on which Ansible cannot run modules as root: unreachable, no root, or no suitable Python."""

import re
from collections.abc import Mapping
from typing import Any

from inferfleet.messages import N_, Message, Problem
from inferfleet.nodes.systems import numbers, system_of
from inferfleet.task_result import reported_reason

FLOOR = "3.9"
"""Oldest Python that the modules support; the same as in plugins/module_utils/python_floor.py."""

_AFTER_JUMP_HOST = re.compile(r"UNKNOWN port|^kex_exchange_identification:|^banner exchange:|^stdio forwarding failed")
"""What ssh prints after the reason why it does not get through a jump host."""

_JUMP = re.compile(r"(?:^| )-J|ProxyJump|ProxyCommand")
_REMEDY = N_("Check ansible_host, ansible_user and the SSH key in hosts.yml; `{command}` must work.")
_REMEDY_OF_JUMP_HOST = N_(
    "Check the jump host in ansible_ssh_common_args, then ansible_host, ansible_user and the SSH key in hosts.yml;"
    " `{command}` must work."
)

_NO_ROOT = re.compile(
    r"(?:Missing|Incorrect) \S+ password|[^\n]*waiting for privilege escalation prompt|a password is required"
    r"|\S+ is not in the sudoers file|\S+ is not allowed to execute[^\n]*|sudo: command not found"
)
"""How Ansible, sudo and su report that they did not become root."""

_TOO_OLD = re.compile(r"SyntaxError: future feature annotations is not defined")
"""How a Python before 3.7 rejects Ansible's modules."""

_INSTALL_ANYWHERE = "uv python install 3.11"
"""Command that installs a Python on a system that the catalog does not have."""

PROBE = (
    "'{python}' -c 'import sys; print(\"%d.%d.%d\" % sys.version_info[:3])' 2>/dev/null || echo none;"
    ' . /etc/os-release; echo "$ID"; echo "$ID_LIKE"; echo "$VERSION_ID"'
)
"""Shell command that prints the version of a Python (or none) and three values of os-release, one per line."""


def unreachable_problem(host: str, variables: Mapping[str, Any], result: Mapping[str, Any]) -> Problem:
    """Return the problem of an unreachable host; `result` is that of its first task."""
    address, port = variables.get("ansible_host", host), variables.get("ansible_port", 22)
    # Ansible prefixes ssh's message with the layers that the error passed through.
    lines = [line.strip().rpartition("ssh: ")[2] for line in str(result.get("msg", "")).splitlines() if line.strip()]
    reasons = [line for line in lines if not _AFTER_JUMP_HOST.search(line)] or lines[:1]
    reason = reasons[-1].removeprefix("Task failed: ").rstrip(".") if reasons else ""
    user = variables.get("ansible_user")
    key = variables.get("ansible_private_key_file") or variables.get("ansible_ssh_private_key_file")
    options = [variables.get(f"ansible_ssh_{name}_args") for name in ("common", "extra")]
    words = ["ssh", f"-p {port}", f"-i {key}" if key else "", *options, f"{user}@{address}" if user else address]
    command = " ".join(str(word) for word in words if word)
    return Problem(
        "unreachable",
        N_("Host {host} is unreachable at {address}:{port} as {user}: {reason}."),
        _REMEDY_OF_JUMP_HOST if _JUMP.search(command) else _REMEDY,
        host=host,
        address=address,
        port=port,
        user=user or Message("", N_("the current user")),
        reason=reason or Message("", N_("no reason given")),
        command=command,
    )


def root_problem(host: str, variables: Mapping[str, Any], result: Mapping[str, Any]) -> Problem | None:
    """Return the problem of a host whose tasks do not run as root, from the result of its first task."""
    reason: Message | str = reported_reason(result)
    if not (isinstance(reason, Message) and reason.code == "not-root"):
        failed = _NO_ROOT.search("\n".join(str(result.get(key, "")) for key in ("msg", "module_stderr", "stderr")))
        if not failed:
            return None
        reason = failed[0]
    return Problem(
        "not-root",
        N_("User {user} has no root privileges on host {host}: {reason}."),
        N_(
            "Set ansible_user: root, or set ansible_become: true (or use --become) and give the sudo password with"
            " --ask-become-pass (-K) if there is one."
        ),
        host=host,
        user=variables.get("ansible_user") or Message("", N_("the current user")),
        reason=reason,
    )


def python_of(variables: Mapping[str, Any]) -> str:
    """Return the Python interpreter that Ansible uses on a host, from the host's variables."""
    configured = str(variables.get("ansible_python_interpreter") or "auto")
    discovered = variables.get("ansible_facts", {}).get("discovered_interpreter_python")
    return configured if not configured.startswith("auto") else str(discovered or "/usr/bin/python3")


def unreadable_facts_problem(host: str, python: str, probe: str, result: Mapping[str, Any]) -> Problem:
    """Return the problem of a host whose first module failed with `result`; `probe` is the output of PROBE there."""
    version, *release = [line.strip() for line in probe.splitlines()] or [""]
    names = ("id", "id_like", "version_id")
    system = dict.fromkeys(names, "") | dict(zip(names, (value.lower() for value in release), strict=False))
    if version == "none" and _TOO_OLD.search("\n".join(str(result.get(key, "")) for key in ("msg", "module_stderr"))):
        code, template = "python-too-old", N_("Host {host} has a Python older than {floor} at {python}.")
    elif version == "none":
        code, template = (
            "python-missing",
            N_("Host {host} has no Python at {python}, which Ansible needs to run modules."),
        )
    elif version and numbers(version) < numbers(FLOOR):
        code, template = (
            "python-too-old",
            N_("Host {host} has Python {version} at {python}; {floor} is the oldest supported."),
        )
    else:
        return Problem(
            "facts-unreadable",
            N_("Host {host} did not return its facts: {reason}"),
            N_("Fix this on the host and run the playbook again."),
            host=host,
            reason=reported_reason(result) or str(result.get("failed_when_suppressed_exception", "")).strip(),
        )
    return Problem(
        code,
        template,
        N_(
            "Install Python {floor} or later there (`{install}`), and set ansible_python_interpreter of {host} in"
            " hosts.yml to its path."
        ),
        host=host,
        python=python,
        version=version,
        floor=FLOOR,
        install=known.python if (known := system_of(system)) else _INSTALL_ANYWHERE,
    )
