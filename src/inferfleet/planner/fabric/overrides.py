"""Check network settings of the user against the nodes' facts. They override the derived configuration."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from inferfleet.messages import N_, Message
from inferfleet.planner.fabric.interfaces import match_interface, missing_names, read_interfaces
from inferfleet.planner.fabric.node import Member, NodeFabric
from inferfleet.planner.fabric.rdma import RdmaPort, match_hca, split_filter
from inferfleet.planner.refusals import GidMissing, InterfaceMissing, RdmaMissing, Refusal, SharedAddress

_NONE = "none"


def forces_tcp(node: Mapping[str, Any]) -> bool:
    """Return whether the host's `cluster_rdma` is `none`, which makes the entire cluster use TCP."""
    return str(node.get("cluster_rdma") or "").strip() == _NONE


def port_overrides(
    name: str, node: Mapping[str, Any], ports: Sequence[RdmaPort] | None, problems: list[Refusal]
) -> tuple[RdmaPort, ...] | None:
    """Return the RDMA ports in the host's `cluster_rdma` (`mlx5_0:1,mlx5_1`), None if it is empty.

    A device without a port means its first port. Missing and inactive ports are added to `problems`.
    """
    text = str(node.get("cluster_rdma") or "").replace(" ", "")
    if not text:
        return None
    names = [entry if ":" in entry else f"{entry}:1" for entry in text.split(",") if entry]
    if ports is None:
        return tuple(RdmaPort(*_split(entry)) for entry in names)
    known = {port.name: port for port in ports}
    for entry in names:
        if entry not in known or not known[entry].active:
            problems.append(
                RdmaMissing(
                    N_(
                        "Variable cluster_rdma of {node} is {value}, but the host has no RDMA port {port}; active"
                        " ports: {active}."
                    )
                    if entry not in known
                    else N_(
                        "Variable cluster_rdma of {node} is {value}, but RDMA port {port} of the host has no link;"
                        " active ports: {active}."
                    ),
                    N_(
                        "Set cluster_rdma of {node} to some of the active ports, or remove it to let the planner"
                        " choose."
                    ),
                    node=name,
                    value=text,
                    port=entry,
                    active=_shown(ports),
                )
            )
    return tuple(known[entry] for entry in names if entry in known and known[entry].active)


def _split(entry: str) -> tuple[str, int]:
    device, _, port = entry.partition(":")
    return device, int(port) if port.isascii() and port.isdigit() else 1


def env_overrides(
    env: Mapping[str, Any], members: Sequence[Member], nodes: Mapping[str, NodeFabric], transport: str
) -> tuple[list[Refusal], list[Message]]:
    """Return the problems of the network variables in `engine_extra_env`, and warnings.

    They apply to all nodes, so each node is checked; nodes without facts are skipped.
    """
    problems = [
        *_sockets(env, members),
        *_hcas(env, members),
        *_gid(env, members, nodes),
        *_host_address(env, members),
    ]
    advice = []
    if str(env.get("NCCL_IB_DISABLE", "0")) not in ("0", "") and transport == "rdma":
        advice.append(
            Message(
                "rdma-disabled",
                N_(
                    "Variable engine_extra_env.NCCL_IB_DISABLE is {value}, although every node has RDMA: NCCL uses"
                    " TCP. Remove it to use RDMA."
                ),
                value=env["NCCL_IB_DISABLE"],
            )
        )
    return problems, advice


def _sockets(env: Mapping[str, Any], members: Sequence[Member]) -> Iterator[Refusal]:
    for variable in ("NCCL_SOCKET_IFNAME", "GLOO_SOCKET_IFNAME"):
        value = str(env.get(variable) or "")
        for member in members if value else ():
            interfaces = read_interfaces(member.facts)
            if interfaces is None:
                continue
            if variable.startswith("GLOO"):  # exact names, separated by commas
                wrong = bool(missing_names(value.split(","), interfaces))
            else:
                wrong = not any(match_interface(value, name) for name in interfaces)
            if wrong:
                yield InterfaceMissing(
                    N_(
                        "Variable engine_extra_env.{variable} is {value}, but {node} has no such interface; it has"
                        " {interfaces}."
                    ),
                    N_(
                        "Remove it to let the planner set the interface of each node, or set cluster_interface of"
                        " {node}."
                    ),
                    variable=variable,
                    value=value,
                    node=member.name,
                    interfaces=[*interfaces],
                )
                break


def _hcas(env: Mapping[str, Any], members: Sequence[Member]) -> Iterator[Refusal]:
    value = str(env.get("NCCL_IB_HCA") or "")
    for member in members if value else ():
        if member.ports is None:
            continue
        exclude, exact, names = split_filter(value)
        active = [port for port in member.ports if port.active]
        # An exact name must exist; a prefix must match something.
        lacking = [n for n in names if not any(match_hca(f"={n}", port) for port in active)] if exact else []
        if (lacking and not exclude) or not any(match_hca(value, port) for port in active):
            yield RdmaMissing(
                N_(
                    "Variable engine_extra_env.NCCL_IB_HCA is {value}, but {node} has no active RDMA port"
                    " {lacking}; active ports: {active}."
                )
                if lacking
                else N_(
                    "Variable engine_extra_env.NCCL_IB_HCA is {value}, but {node} has no active RDMA port that"
                    " matches; active ports: {active}."
                ),
                N_(
                    "Remove it to let the planner choose the ports of each node, or set cluster_rdma for the nodes that"
                    " differ."
                ),
                value=value,
                node=member.name,
                lacking=lacking,
                active=_shown(member.ports),
            )
            break


def _gid(env: Mapping[str, Any], members: Sequence[Member], nodes: Mapping[str, NodeFabric]) -> Iterator[Refusal]:
    value = str(env.get("NCCL_IB_GID_INDEX") or "")
    if not value or value == "-1":  # NCCL's own choice
        return
    for member in members:
        for port in nodes[member.name].ports:
            if port.gids is not None and value not in [str(gid.index) for gid in port.gids]:
                filled: list[int | Message] = [*(gid.index for gid in port.gids)] or [Message("", N_("none"))]
                yield GidMissing(
                    N_(
                        "Variable engine_extra_env.NCCL_IB_GID_INDEX is {value}, but this entry in the GID table of"
                        " {port} of {node} is empty; entries in use: {filled}."
                    ),
                    N_("Remove it: NCCL 2.21 and later selects the entry automatically."),
                    value=value,
                    port=port.name,
                    node=member.name,
                    filled=filled,
                )
                return


def _host_address(env: Mapping[str, Any], members: Sequence[Member]) -> Iterator[Refusal]:
    value = env.get("VLLM_HOST_IP")
    if value and len(members) > 1:
        yield SharedAddress(
            N_(
                "Variable engine_extra_env.VLLM_HOST_IP is {value} on all {nodes} nodes, but "
                "each needs its own address."
            ),
            N_("Remove it, and set cluster_address of the nodes whose ansible_host is not on the cluster network."),
            value=value,
            nodes=len(members),
        )


def _shown(ports: Sequence[RdmaPort]) -> list[str | Message]:
    return [port.name for port in ports if port.active] or [Message("", N_("none"))]
