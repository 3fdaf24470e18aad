"""Problems of nodes on which Ansible cannot run modules: unreachable, or Python missing or too old."""

from collections.abc import Mapping
from typing import Any

from inferfleet.messages import N_, Message, Problem
from inferfleet.nodes.systems import numbers, system_of
from inferfleet.task_result import reported_reason

FLOOR = "3.9"
"""Oldest Python that the modules support; the same as in plugins/module_utils/python_floor.py."""

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
    lines = [line.strip() for line in str(result.get("msg", "")).splitlines() if line.strip()]
    reason = lines[-1].rpartition("ssh: ")[2].removeprefix("Task failed: ").rstrip(".") if lines else ""
    user = variables.get("ansible_user")
    return Problem(
        "unreachable",
        N_("Host {host} is unreachable at {address}:{port} as {user}: {reason}."),
        N_("Check ansible_host, ansible_user and the SSH key in hosts.yml; `ssh -p {port} {target}` must work."),
        host=host,
        address=address,
        port=port,
        user=user or Message("", N_("the current user")),
        reason=reason or Message("", N_("no reason given")),
        target=f"{user}@{address}" if user else address,
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
    if version == "none":
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
