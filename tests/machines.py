"""Builds the sysfs and the `ip` of a described machine (tests/fixtures/machines) in a folder."""

import json
from pathlib import Path
from typing import Any

import yaml

MACHINES = Path(__file__).parent / "fixtures" / "machines"
PHYSICAL = {"ACTIVE": "5: LinkUp", "DOWN": "3: Disabled"}
LOGICAL = {"ACTIVE": "4: ACTIVE", "DOWN": "1: DOWN"}


def describe(name: str) -> dict[str, Any]:
    """Return the description of a machine."""
    return yaml.safe_load((MACHINES / f"{name}.yml").read_text())


def build(name: str, folder: Path) -> tuple[Path, Path]:
    """Write the machine's sysfs and an `ip` that answers for it; return the sysfs and the folder of `ip`."""
    machine, sysfs = describe(name), folder / "sys"
    for path, device in machine["pci"].items():
        _device(sysfs, path, device)
    for interface, speed in machine.get("virtual", {}).items():
        _interface(sysfs, f"virtual/net/{interface}", interface, speed)
        if "." in interface:
            _lower(sysfs, interface, interface.partition(".")[0])  # a VLAN
    for bridge, ports in machine.get("bridges", {}).items():
        for port in ports:
            _lower(sysfs, bridge, port)
    for bond, members in machine.get("bonds", {}).items():
        _write(sysfs / "class/net" / bond / "bonding/mode", "802.3ad 4")
        _write(sysfs / "class/net" / bond / "bonding/slaves", " ".join(members))
        for member in members:
            (sysfs / "class/net" / member / "master").symlink_to(sysfs / "class/net" / bond)
            _lower(sysfs, bond, member)
    return sysfs, _ip(machine, folder / "bin")


def _device(sysfs: Path, path: str, device: dict[str, Any]) -> None:
    place = sysfs / "devices" / path
    _write(place / "class", device["class"])
    _write(place / "vendor", device.get("vendor", "0x15b3"))
    _write(place / "numa_node", device["numa"])
    _link(sysfs / "bus/pci/devices" / place.name, place)
    if "function_of" in device:
        (place / "physfn").symlink_to(place.parent / device["function_of"])
    for interface, speed in device.get("net", {}).items():
        _interface(sysfs, f"{path}/net/{interface}", interface, speed)
        (place / "net" / interface / "device").symlink_to(place)
    if "rdma" in device:
        name, layer, state, rate = device["rdma"]
        hca = place / "infiniband" / name
        port = hca / "ports/1"
        for key, value in {
            "state": LOGICAL[state],
            "phys_state": PHYSICAL[state],
            "link_layer": layer,
            "rate": rate,
        }.items():
            _write(port / key, value)
        for index in range(8):  # real tables have up to 256 entries, most of them empty
            _write(port / f"gids/{index}", "0000:0000:0000:0000:0000:0000:0000:0000")
        for index, entry in enumerate(device.get("gids", ())):
            gid, kind, *interfaces = entry.split(" ")
            _write(port / f"gids/{index}", gid)
            _write(port / f"gid_attrs/types/{index}", kind.replace("-", " "))
            for interface in interfaces:
                _write(port / f"gid_attrs/ndevs/{index}", interface)
        (hca / "device").symlink_to(place)
        _link(sysfs / "class/infiniband" / name, hca)


def _interface(sysfs: Path, path: str, name: str, speed: int) -> None:
    _write(sysfs / "devices" / path / "speed", speed)
    _link(sysfs / "class/net" / name, sysfs / "devices" / path)


def _lower(sysfs: Path, upper: str, lower: str) -> None:
    (sysfs / "class/net" / upper / f"lower_{lower}").symlink_to(sysfs / "class/net" / lower)


def _ip(machine: dict[str, Any], folder: Path) -> Path:
    """Write an `ip` that knows `-json address show` and `-json -force -batch -` of `route get ADDRESS`."""
    names = [n for d in machine["pci"].values() for n in d.get("net", {})] + list(machine.get("virtual", {}))
    links = [{"ifname": "lo", "flags": ["LOOPBACK", "UP"], "mtu": 65536, "operstate": "UNKNOWN", "addr_info": []}]
    for name in names:
        inet = [a.split("/") for a in machine.get("addresses", {}).get(name, ())]
        links.append(
            {
                "ifname": name,
                "flags": ["UP"],
                "mtu": machine.get("mtu", {}).get(name, 1500),
                "operstate": "UP",
                "addr_info": [{"family": "inet", "local": a, "prefixlen": int(length)} for a, length in inet],
            }
        )
    nets = [(a, name) for name, given in machine.get("addresses", {}).items() for a in given]
    program = f"""#!/usr/bin/env python3
import ipaddress, json, sys
if sys.argv[1:] == ["-json", "address", "show"]:
    print({json.dumps(json.dumps(links))})
for line in sys.stdin if sys.argv[1:] == ["-json", "-force", "-batch", "-"] else ():
    peer = line.split()[-1]
    for text, name in {nets!r}:
        if ipaddress.ip_address(peer) in ipaddress.ip_interface(text).network:
            print(json.dumps([{{"dst": peer, "dev": name, "prefsrc": text.split("/")[0]}}]))
            break
    else:
        print("RTNETLINK answers: Network is unreachable", file=sys.stderr)
"""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "ip").write_text(program)
    (folder / "ip").chmod(0o755)
    return folder


def _write(path: Path, text: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"{text}\n")


def _link(link: Path, target: Path) -> None:
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to(target)
