"""Which nodes take part in bringing a model, which of them use the WAN, and whether there is room."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from inferfleet.messages import N_, Problem

GIB = 2**30
_SPARE_INODES = 64  # folders, the manifest and what a program stages


@dataclass(frozen=True)
class Distribution:
    """One run: `members` bring or give, `expected` of them lack something, `wan` of them may use the sources."""

    members: list[str]
    expected: list[str]
    wan: list[str]
    shared: dict[str, str]
    """Node -> the member whose folder it sees, where nodes share a network file system."""

    def as_dict(self) -> dict[str, Any]:
        """Return the form for Ansible."""
        return asdict(self)


def plan_distribution(
    surveys: Mapping[str, Mapping[str, Any]],
    wan: Sequence[str],
    path: str,
    files: int,
    seen: Mapping[str, Sequence[str]] | None = None,
    variable: str = "model_root",
) -> tuple[Distribution, list[Problem]]:
    """Return who does what, and what speaks against beginning.

    `surveys` are what the module weights_survey returned, by node; `wan` names the nodes that may use the WAN (empty:
    all); `path` is the model's folder, `files` the number of its files, and `seen` names for a node those whose mark it
    found in the folder (see weights_markers); `variable` is the one that decides where the folder lies.
    """
    shared: dict[str, str] = {}
    for node in surveys:
        owner = next((other for other in surveys if other in (seen or {}).get(node, ())), node)
        if owner != node:
            shared[node] = owner
    members = [node for node in surveys if node not in shared]
    expected = [node for node in members if surveys[node]["missing"]]
    problems = [problem for node in expected for problem in _problems(node, surveys[node], path, files, variable)]
    unknown = [node for node in wan if node not in surveys]
    if unknown:
        problems.append(
            Problem(
                "unknown-wan-node",
                N_("Variable model_weights_wan_nodes names {node}, which is no node that serves."),
                N_(
                    "Name some of {nodes}; leave it empty for all of them; or set it to [localhost] alone where only"
                    " the controller has internet access."
                ),
                node=unknown[0],
                nodes=list(surveys),
            )
        )
    # A node that only sees another's folder lets that one download.
    allowed = {shared.get(node, node) for node in wan} if wan else set(members)
    return Distribution(members, expected, [n for n in members if n in allowed], shared), problems


def _problems(node: str, survey: Mapping[str, Any], path: str, files: int, variable: str) -> list[Problem]:
    found = []
    needed, free = survey["bytes_needed"], survey["free_bytes"]
    if not survey["writable"]:
        found.append(
            Problem(
                "not-writable",
                N_("Host {host} cannot write below {folder}: {reason}."),
                N_("Mount it writable, or point {variable} to another disk."),
                host=node,
                folder=survey["existing"],
                reason=survey["reason"],
                variable=variable,
            )
        )
    if needed > free:
        message = N_("Host {host} has {free} GiB free for {path}, but needs {needed} GiB more.")
        if survey["on_root"]:
            message = N_(
                "Host {host} has {free} GiB free for {path}, but needs {needed} GiB more. That is its root file system."
            )
        found.append(
            Problem(
                "disk-too-small",
                message,
                N_("Free {lacking} GiB there, or point {variable} to a larger disk."),
                host=node,
                free=f"{free / GIB:.1f}",
                path=path,
                needed=f"{needed / GIB:.1f}",
                lacking=f"{(needed - free) / GIB:.1f}",
                variable=variable,
            )
        )
    if survey["inodes"] and survey["free_inodes"] < files + _SPARE_INODES:
        found.append(
            Problem(
                "inodes-exhausted",
                N_("Host {host} has {free} inodes free for {path}, but needs {needed}."),
                N_("Remove small files there, or point {variable} to another disk."),
                host=node,
                free=survey["free_inodes"],
                path=path,
                needed=files + _SPARE_INODES,
                variable=variable,
            )
        )
    return found
