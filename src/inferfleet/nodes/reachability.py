"""Nodes on which Ansible cannot run modules: they do not answer, or their Python is missing or too old."""

from collections.abc import Mapping
from typing import Any

from inferfleet.messages import N_, Message, Problem
from inferfleet.nodes.systems import numbers, system_of
from inferfleet.task_result import reported_reason

FLOOR = "3.9"
"""Oldest Python that the modules run on; plugins/module_utils/python_floor.py knows it too."""

_INSTALL_ANYWHERE = "uv python install 3.11"
"""Command that installs a Python on a system that the catalog does not have."""

PROBE = (
    "'{python}' -c 'import sys; print(\"%d.%d.%d\" % sys.version_info[:3])' 2>/dev/null || echo none;"
    ' . /etc/os-release; echo "$ID"; echo "$ID_LIKE"; echo "$VERSION_ID"'
)
"""Shell command that prints the version of a Python, or none, and three values of os-release, a line each."""


def unreachable_problem(host: str, variables: Mapping[str, Any], result: Mapping[str, Any]) -> Problem:
    """Return the problem of a host whose first task returned `result`: it is unreachable."""
    address, port = variables.get("ansible_host", host), variables.get("ansible_port", 22)
    # Ansible puts the layers an error came through in front of what ssh itself printed.
    lines = [line.strip() for line in str(result.get("msg", "")).splitlines() if line.strip()]
    reason = lines[-1].rpartition("ssh: ")[2].removeprefix("Task failed: ").rstrip(".") if lines else ""
    user = variables.get("ansible_user")
    return Problem(
        "unreachable",
        N_("Host {host} does not answer at {address}:{port} as {user}: {reason}."),
        N_("Check ansible_host, ansible_user and the key in hosts.yml; `ssh -p {port} {target}` must work."),
        host=host,
        address=address,
        port=port,
        user=user or Message("", N_("your own user")),
        reason=reason or Message("", N_("no reason given")),
        target=f"{user}@{address}" if user else address,
    )


def python_of(variables: Mapping[str, Any]) -> str:
    """Return the Python that Ansible runs modules with on a host, by the host's variables."""
    given = str(variables.get("ansible_python_interpreter") or "auto")
    found = variables.get("ansible_facts", {}).get("discovered_interpreter_python")
    return given if not given.startswith("auto") else str(found or "/usr/bin/python3")


def unreadable_facts_problem(host: str, python: str, probe: str, result: Mapping[str, Any]) -> Problem:
    """Return the problem of a host whose first module failed with `result`; `probe` is what PROBE printed there."""
    version, *release = [line.strip() for line in probe.splitlines()] or [""]
    names = ("id", "id_like", "version_id")
    system = dict.fromkeys(names, "") | dict(zip(names, (value.lower() for value in release), strict=False))
    if version == "none":
        code, template = "python-missing", N_("Host {host} has no Python at {python}, so Ansible runs no module there.")
    elif version and numbers(version) < numbers(FLOOR):
        code, template = "python-too-old", N_("Host {host} has Python {version} at {python}; {floor} is the oldest.")
    else:
        return Problem(
            "facts-unreadable",
            N_("Host {host} did not return its facts: {reason}"),
            N_("Correct that on the host and run it again."),
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
