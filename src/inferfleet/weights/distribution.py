"""Plan of a model distribution: participating nodes, WAN nodes and disk space."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from inferfleet.messages import N_, Problem
from inferfleet.messages.message import revive

GIB = 2**30
_SPARE_INODES = 64  # folders, the manifest and staged files


@dataclass(frozen=True)
class Distribution:
    """One run: `members` fetch or seed, `expected` of them lack files, `wan` of them may use the sources."""

    members: list[str]
    expected: list[str]
    wan: list[str]
    shared: dict[str, str]
    """Node -> the member whose folder it shares (a network file system)."""

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
    """Return the role of each node and the problems that prevent the run.

    `surveys` maps nodes to results of the module weights_survey; `wan` names the nodes that may use the WAN (empty:
    all); `path` is the model's folder, `files` the number of its files; `seen` maps a node to those whose marker it
    found in the folder (see weights_markers); `variable` is the setting that determines the folder.
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
                N_("Variable model_weights_wan_nodes names {node}, which is not a serving node."),
                N_(
                    "Name some of {nodes}, leave it empty for all of them, or set it to [localhost] if only the"
                    " controller has internet access."
                ),
                node=unknown[0],
                nodes=list(surveys),
            )
        )
    # A node that shares another's folder leaves the download to that node.
    allowed = {shared.get(node, node) for node in wan} if wan else set(members)
    return Distribution(members, expected, [n for n in members if n in allowed], shared), problems


def _problems(node: str, survey: Mapping[str, Any], path: str, files: int, variable: str) -> list[Problem]:
    problems = []
    needed, free = survey["bytes_needed"], survey["free_bytes"]
    if not survey["writable"]:
        problems.append(
            Problem(
                "not-writable",
                N_("Host {host} cannot write to {folder}: {reason}."),
                N_("Mount it read-write, or set {variable} to a folder on another disk."),
                host=node,
                folder=survey["existing"],
                reason=revive(survey["reason"]),
                variable=variable,
            )
        )
    if needed > free:
        message = N_("Host {host} has {free} GiB free for {path}, but {needed} GiB are required.")
        if survey["on_root"]:
            message = N_(
                "Host {host} has {free} GiB free for {path} on its root file system, but {needed} GiB are required."
            )
        problems.append(
            Problem(
                "disk-too-small",
                message,
                N_("Free {lacking} GiB there, or set {variable} to a folder on a larger disk."),
                host=node,
                free=f"{free / GIB:.1f}",
                path=path,
                needed=f"{needed / GIB:.1f}",
                lacking=f"{(needed - free) / GIB:.1f}",
                variable=variable,
            )
        )
    if survey["inodes"] and survey["free_inodes"] < files + _SPARE_INODES:
        problems.append(
            Problem(
                "inodes-exhausted",
                N_("Host {host} has {free} inodes free for {path}, but {needed} are required."),
                N_("Remove files there, or set {variable} to a folder on another disk."),
                host=node,
                free=survey["free_inodes"],
                path=path,
                needed=files + _SPARE_INODES,
                variable=variable,
            )
        )
    return problems
