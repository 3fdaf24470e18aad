"""Checks the nodes' facts against what the contract will put there: ports, disk, host system."""

from collections.abc import Mapping
from typing import Any

from inferfleet.inventory.ports import variable
from inferfleet.messages import Problem
from inferfleet.nodes import supported

GIB = 2**30


def check_node(
    host: str, facts: Mapping[str, Any], ports: Mapping[str, int], space: Mapping[str, tuple[str, int]]
) -> list[Problem]:
    """Return what speaks against using this node.

    `facts` are those of the module node_facts; `ports` maps what a port is for (a variable) to the port;
    `space` maps what needs disk to its path and the bytes it still needs.
    """
    return _system(host, facts) + _taken(host, facts["listening"], ports) + _too_small(host, facts["disk"], space)


def _system(host: str, facts: Mapping[str, Any]) -> list[Problem]:
    system = facts["distribution"]
    if supported(system):
        return []
    return [
        Problem(
            "system-unsupported",
            f"Host {host} runs {system['id'] or 'an unknown system'} {system['version_id']}".rstrip() + ".",
            "Use Debian 12, Ubuntu 22.04, Rocky Linux 9, openEuler 22.03 or Kylin V10, or a later release of one.",
        )
    ]


def _taken(host: str, listening: Mapping[str, str], ports: Mapping[str, int]) -> list[Problem]:
    return [
        Problem(
            "port-taken",
            f"Port {port} of {name} is taken on {host} by {listening[str(port)]}.",
            f"Stop that program, or set {variable(name)} to a free port." if variable(name) else "Stop that program.",
        )
        for name, port in ports.items()
        if listening.get(str(port), "inferfleet") != "inferfleet"
    ]


def _too_small(
    host: str, disks: Mapping[str, Mapping[str, int]], space: Mapping[str, tuple[str, int]]
) -> list[Problem]:
    problems = []
    # What shares a file system has to fit together.
    by_device: dict[int, list[tuple[str, str, int]]] = {}
    for name, (path, needed) in space.items():
        by_device.setdefault(disks[path]["device"], []).append((name, path, needed))
    for items in by_device.values():
        free = disks[items[0][1]]["free_bytes"]
        total = sum(needed for _, _, needed in items)
        if total > free:
            wanted = " and ".join(f"{size / GIB:.1f} GiB for {name} in {path}" for name, path, size in items if size)
            problems.append(
                Problem(
                    "disk-too-small",
                    f"Host {host} has {free / GIB:.1f} GiB free, but needs {wanted}.",
                    f"Free {(total - free) / GIB:.1f} GiB there, or point model_root or container_data_root"
                    " to a larger disk.",
                )
            )
    return problems
