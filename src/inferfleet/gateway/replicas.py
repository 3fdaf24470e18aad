"""The replicas behind a deployed gateway: under which names they are known, and what draining one of them means."""

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from inferfleet.gateway.backends import backends_of, server_name
from inferfleet.messages import N_, Problem


@dataclass(frozen=True)
class DeployedReplica:
    """A server of HAProxy, with the names of its replica."""

    server: str
    """`backend/server`."""
    names: tuple[str, ...]
    """That of its plan, if the service has several; those of its server and of its nodes, the head first."""
    model: str


def replica_lines(plans: Sequence[Mapping[str, Any]]) -> str:
    """Return the file that the gateway keeps for `read_replicas`, a line for each replica."""
    planned = {server_name(plan): plan.get("name", "") for plan in plans}
    nodes = {server_name(plan): ",".join(dict.fromkeys((plan["head"], *plan["nodes"]))) for plan in plans}
    return "".join(
        f"{backend.name}/{replica.name} {planned[replica.name] or replica.name} {nodes[replica.name]} {backend.model}\n"
        for backend in backends_of(plans)
        for replica in backend.replicas
    )


def read_replicas(text: str) -> tuple[DeployedReplica, ...]:
    """Return the replicas of a deployed gateway."""
    replicas = []
    for line in text.splitlines():
        server, name, nodes, model = line.split(" ", 3)
        names = dict.fromkeys((name, server.rpartition("/")[2], *nodes.split(",")))
        replicas.append(DeployedReplica(server, tuple(names), model))
    return tuple(replicas)


def find_replica(name: str, replicas: Iterable[DeployedReplica]) -> DeployedReplica | Problem:
    """Return the replica of a name, or why there is not exactly one."""
    replicas = [*replicas]
    found = [replica for replica in replicas if name in replica.names]
    if len(found) == 1:
        return found[0]
    known = [replica.names[0] for replica in (found or replicas)]
    if found:
        message = N_("{replica} is the name of several replicas.")
    else:
        message = N_("There is no replica {replica}.")
        near = difflib.get_close_matches(name, [other for r in replicas for other in r.names], n=3, cutoff=0.6)
        if near:
            return Problem("unknown-replica", message, N_("Did you mean {names}?"), replica=name, names=near)
    code = "ambiguous-replica" if found else "unknown-replica"
    return Problem(code, message, N_("Choose from {names}."), replica=name, names=known)


def last_replica(drained: DeployedReplica, replicas: Iterable[DeployedReplica], usable: Iterable[str]) -> list[Problem]:
    """Return the warning that no other replica of the model gets requests; `usable` are the servers that do."""
    usable = {*usable}
    others = [r for r in replicas if r.model == drained.model and r.server != drained.server and r.server in usable]
    if others:
        return []
    return [
        Problem(
            "last-replica",
            N_("No other replica of model {model} gets requests: they are answered with 503."),
            "",
            model=drained.model,
        )
    ]
