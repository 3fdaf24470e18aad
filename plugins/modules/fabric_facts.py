#!/usr/bin/python
"""Interfaces, routes, RDMA devices and PCI affinity of a node, from `ip` and sysfs; stdlib only, Python 3.8."""

from __future__ import annotations

import ipaddress
import json
import os
import re

from ansible.module_utils import python_floor  # noqa: F401  # preflight runs this module before all others
from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.messages import N_, Message

DOCUMENTATION = r"""
---
module: fabric_facts
short_description: Interfaces, routes, RDMA devices and PCI affinity of a node
description:
  - Reads the network facts that NCCL, Gloo and Ray depend on from C(ip) and sysfs. Changes nothing.
  - Runs C(ip) twice, or once without O(peers), whatever the number of interfaces, devices and peers.
options:
  peers:
    description: IPv4 addresses of the other nodes whose routes are reported. Names are ignored.
    type: list
    elements: str
    default: []
  sysfs:
    description: Where sysfs is mounted.
    type: path
    default: /sys
author: [inferfleet]
"""

EXAMPLES = r"""
- name: Read interfaces and RDMA devices
  fabric_facts:

- name: Read the routes to the other nodes too
  fabric_facts:
    peers: [10.30.0.12, 10.30.0.13]
"""

RETURN = r"""
ansible_facts:
  description: Under C(inferfleet_fabric).
  returned: always
  type: dict
  contains:
    inferfleet_fabric:
      description: Network facts of the node.
      type: dict
      contains:
        interfaces:
          description: Interfaces except loopback.
          type: list
          elements: dict
          contains:
            name: {description: Name of the interface., type: str}
            mtu: {description: Largest packet (bytes)., type: int}
            up: {description: Whether it is set up., type: bool}
            state: {description: Operational state as the kernel calls it (up, down, unknown, ...)., type: str}
            speed_mbps: {description: Speed of the link (Mbit/s); 0 if unknown or of no device., type: int}
            numa_node: {description: NUMA node of its device; -1 if unknown., type: int}
            pci_address: {description: PCI address of its device; empty for virtual ones., type: str}
            bond: {description: Name of the bond it is part of; empty when none., type: str}
            bond_mode: {description: Mode of the bond that it is (for example 802.3ad); empty when none., type: str}
            bond_members: {description: Interfaces of the bond that it is., type: list, elements: str}
            addresses: {description: IPv4 addresses., type: list, elements: str}
            prefixes: {description: IPv4 addresses with their prefix length (bits)., type: list, elements: str}
        routes:
          description: Route to each of O(peers), by address; peers without a route are omitted.
          type: dict
          contains:
            interface: {description: Outgoing interface., type: str}
            source: {description: Source address., type: str}
            via: {description: Gateway; empty if the peer is on the link., type: str}
        rdma:
          description: RDMA devices.
          type: list
          elements: dict
          contains:
            name: {description: Name of the device, for example mlx5_0., type: str}
            numa_node: {description: NUMA node; -1 if unknown., type: int}
            pci_address: {description: PCI address; empty when it has none., type: str}
            virtual_function: {description: Whether it is a virtual function of an adapter of this node., type: bool}
            ports:
              description: Ports of the device.
              type: list
              elements: dict
              contains:
                port: {description: Number of the port; the first is 1., type: int}
                state: {description: Logical state, for example ACTIVE or DOWN., type: str}
                physical_state: {description: Physical state, for example LinkUp or Polling., type: str}
                link_layer: {description: InfiniBand or Ethernet (RoCE)., type: str}
                rate_gbps: {description: Rate of the link (Gbit/s); 0 if unknown., type: int}
                interfaces: {description: Network interfaces on the port., type: list, elements: str}
                gids:
                  description: Filled entries of the GID table.
                  type: list
                  elements: dict
                  contains:
                    index: {description: Index of the entry., type: int}
                    gid: {description: The GID in hexadecimal., type: str}
                    type: {description: IB/RoCE v1 or RoCE v2; empty if unknown., type: str}
                    address: {description: IPv4 address encoded in the GID; empty for others., type: str}
                    interface: {description: Network interface of the entry; empty if unknown., type: str}
            affinity:
              description:
                - Distance to each accelerator, by its PCI address, in the terms of C(nvidia-smi topo) - C(PIX), at most
                  one PCIe bridge (the same switch); C(PXB), several bridges; C(PHB), the same root complex; C(NODE),
                  the same NUMA node; C(SYS), farther or unknown.
              type: dict
        accelerators_pci:
          description: PCI addresses of the accelerators, in order of address.
          type: list
          elements: str
        problems:
          description: Problems, each a map of C(code), C(message), C(template) and C(parameters).
          type: list
          elements: dict
"""

# PCI base and sub class: 3D controller, processing accelerator; and displays of vendors that make accelerators.
_ACCELERATOR_CLASSES = ("0x0302", "0x1200")
_DISPLAY_CLASSES = ("0x0300", "0x0380")
_DISPLAY_VENDORS = ("0x10de", "0x1002")  # NVIDIA and AMD: a server's on-board display has another vendor's chip


def read_text(*parts):
    """Return the text of a sysfs file; empty if it cannot be read."""
    try:
        with open(os.path.join(*parts), encoding="utf-8", errors="replace") as stream:
            return stream.read().strip()
    except OSError:
        return ""


def read_number(*parts):
    """Return the number in a sysfs file; -1 if there is none."""
    try:
        return int(read_text(*parts))
    except ValueError:
        return -1


def names_in(*parts):
    """Return the entries of a folder in natural order (mlx5_2 before mlx5_10); none if the folder is missing."""
    try:
        return sorted(os.listdir(os.path.join(*parts)), key=natural)
    except OSError:
        return []


def natural(name):
    """Return a sort key for natural order."""
    return [int(part) if part.isdigit() else part for part in re.split(r"([0-9]+)", name)]


def pci_path(sysfs, *parts):
    """Return the PCI addresses from the root complex down to a device; empty for one that is not on PCI."""
    root = os.path.join(os.path.realpath(sysfs), "devices", "")
    path = os.path.realpath(os.path.join(sysfs, *parts))
    steps = path[len(root) :].split(os.sep) if path.startswith(root) else []
    return steps if steps and steps[0].startswith("pci") and len(steps) > 1 else []


def pci_address(steps):
    """Return the address of the device at the end of a PCI path; empty when there is none."""
    return steps[-1] if steps else ""


def distance(one, other, same_numa):
    """Return the distance of two PCI paths, in the terms of `nvidia-smi topo -m`."""
    least = min(len(one), len(other))
    common = next((step for step in range(least) if one[step] != other[step]), least)
    if common < 1:
        return "NODE" if same_numa else "SYS"
    if common == 1:  # the root complex only
        return "PHB"
    return "PIX" if max(len(one), len(other)) - common <= 2 else "PXB"


def accelerators(sysfs):
    """Return PCI path and NUMA node of each accelerator, by PCI address."""
    found = {}
    for name in sorted(names_in(sysfs, "bus", "pci", "devices")):
        folder = ("bus", "pci", "devices", name)
        kind = read_text(sysfs, *folder, "class")[:6]
        display = kind in _DISPLAY_CLASSES and read_text(sysfs, *folder, "vendor") in _DISPLAY_VENDORS
        if kind in _ACCELERATOR_CLASSES or display:
            found[name] = (pci_path(sysfs, *folder), read_number(sysfs, *folder, "numa_node"))
    return found


def interfaces(sysfs, links):
    """Return the interfaces of `ip -json address show`, with additional facts from sysfs."""
    found = []
    for link in links:
        name = link.get("ifname")
        if not name or "LOOPBACK" in link.get("flags", ()):
            continue
        folder = os.path.join(sysfs, "class", "net", name)
        master = os.path.join(folder, "master")
        bonded = os.path.isdir(os.path.join(master, "bonding"))
        inet = [a for a in link.get("addr_info", ()) if a.get("family") == "inet" and a.get("local")]
        device = pci_path(sysfs, "class", "net", name, "device")
        found.append(
            {
                "name": name,
                "mtu": int(link.get("mtu") or 0),
                "up": "UP" in link.get("flags", ()),
                "state": str(link.get("operstate", "")).lower(),
                "speed_mbps": speed_mbps(sysfs, name),
                "numa_node": read_number(folder, "device", "numa_node"),
                "pci_address": pci_address(device),
                "bond": os.path.basename(os.path.realpath(master)) if bonded else "",
                "bond_mode": read_text(folder, "bonding", "mode").split(" ")[0],
                "bond_members": read_text(folder, "bonding", "slaves").split(),
                "addresses": [a["local"] for a in inet],
                "prefixes": [f"{a['local']}/{a.get('prefixlen', 32)}" for a in inet],
            }
        )
    return found


def speed_mbps(sysfs, name):
    """Return the speed of an interface's link (Mbit/s): at most that of the devices below it; 0 if there is none.

    The kernel reports 10 Gbit/s for a veth pair, the interface of a container, which limits nothing
    (drivers/net/veth.c, veth_get_link_ksettings), and a bridge reports the speed of its fastest port, veth included.
    A bond and a VLAN have the link of their devices.
    """
    folder = os.path.join(sysfs, "class", "net", name)
    speed = max(0, read_number(folder, "speed"))
    if os.path.exists(os.path.join(folder, "device")):
        return speed
    below = [entry[len("lower_") :] for entry in names_in(folder) if entry.startswith("lower_")]
    return min(speed, sum(speed_mbps(sysfs, interface) for interface in below))


def rdma(sysfs, near):
    """Return the RDMA devices in sysfs; `near` is what `accelerators` returns."""
    return [device_facts(sysfs, name, near) for name in names_in(sysfs, "class", "infiniband")]


def device_facts(sysfs, name, near):
    """Return one RDMA device."""
    folder = os.path.join(sysfs, "class", "infiniband", name)
    path, numa = pci_path(sysfs, "class", "infiniband", name, "device"), read_number(folder, "device", "numa_node")
    return {
        "name": name,
        "numa_node": numa,
        "pci_address": pci_address(path),
        "virtual_function": os.path.exists(os.path.join(folder, "device", "physfn")),
        "ports": [port_facts(folder, port) for port in names_in(folder, "ports")],
        "affinity": {
            address: distance(path, other, numa >= 0 and numa == node) if path and other else "SYS"
            for address, (other, node) in near.items()
        },
    }


def port_facts(device, number):
    """Return one port of an RDMA device."""
    folder = os.path.join(device, "ports", number)
    table = gids(folder)
    named = sorted({entry["interface"] for entry in table if entry["interface"]})
    return {
        "port": int(number) if number.isdigit() else 0,
        "state": read_text(folder, "state").partition(":")[2].strip(),  # "4: ACTIVE"
        "physical_state": read_text(folder, "phys_state").partition(":")[2].strip(),  # "5: LinkUp"
        "link_layer": read_text(folder, "link_layer"),
        "rate_gbps": rate_gbps(read_text(folder, "rate")),
        "interfaces": named or names_in(device, "device", "net"),
        "gids": table,
    }


def rate_gbps(text):
    """Return the Gbit/s of a port's rate such as "200 Gb/sec (4X HDR)" or "2.5 Gb/sec (1X SDR)", rounded down."""
    number = text.split(" ")[0]
    return int(float(number)) if number.replace(".", "", 1).isdigit() else 0


def gids(folder):
    """Return the filled entries of a port's GID table."""
    found = []
    for index in names_in(folder, "gids"):
        gid = read_text(folder, "gids", index)
        if gid.replace(":", "").strip("0") and not gid.endswith("0000:0000:0000:0000"):
            found.append(
                {
                    "index": int(index),
                    "gid": gid,
                    "type": read_text(folder, "gid_attrs", "types", index),
                    "address": gid_address(gid),
                    "interface": read_text(folder, "gid_attrs", "ndevs", index),
                }
            )
    return found


def gid_address(gid):
    """Return the IPv4 address encoded in a GID; empty for other GIDs."""
    try:
        mapped = ipaddress.IPv6Address(gid).ipv4_mapped
    except ValueError:
        return ""
    return str(mapped or "")


def parse_links(text):
    """Return the list that `ip -json address show` prints; raises ValueError for anything else."""
    links = json.loads(text)
    if not isinstance(links, list) or not all(isinstance(link, dict) for link in links):
        raise ValueError("not a list of interfaces")
    return links


def parse_routes(text):
    """Return the routes of `ip -json -batch` (one list per line), by destination."""
    found = {}
    for line in text.splitlines():
        try:
            entries = json.loads(line)
        except ValueError:
            continue
        for entry in entries if isinstance(entries, list) else ():
            if isinstance(entry, dict) and entry.get("dst"):
                found[entry["dst"]] = {
                    "interface": entry.get("dev", ""),
                    "source": entry.get("prefsrc", ""),
                    "via": entry.get("gateway", ""),
                }
    return found


def is_address(text):
    """Return whether a text is an IPv4 address."""
    try:
        ipaddress.IPv4Address(text)
    except ValueError:
        return False
    return True


def routes(module, peers):
    """Return the routes to the peers; `-force` continues after an unreachable one."""
    wanted = sorted({peer for peer in peers if is_address(peer)})
    if not wanted:
        return {}
    commands = "".join(f"route get {peer}\n" for peer in wanted)
    return parse_routes(module.run_command(["ip", "-json", "-force", "-batch", "-"], data=commands)[1])


def main():
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "peers": {"type": "list", "elements": "str", "default": []},
            "sysfs": {"type": "path", "default": "/sys"},
        },
        supports_check_mode=True,
    )
    sysfs, problems, links, found = module.params["sysfs"], [], [], {}
    rc, out, reason = 127, "", Message("", N_("the program is not installed"))
    if module.get_bin_path("ip"):
        rc, out, err = module.run_command(["ip", "-json", "address", "show"])
        reason = Message("", "{line}", line=err.strip() or f"exit code {rc}")
        found = routes(module, module.params["peers"])
    if rc == 0:
        try:
            links = parse_links(out)
        except ValueError as error:
            rc, reason = 1, Message("", "{line}", line=str(error))
    if rc != 0:
        failed = N_("`ip -json address show` failed: {reason}.")
        problems.append(Message("ip-failed", failed, reason=reason).as_dict())
    near = accelerators(sysfs)
    module.exit_json(
        changed=False,
        ansible_facts={
            "inferfleet_fabric": {
                "interfaces": interfaces(sysfs, links),
                "routes": found,
                "rdma": rdma(sysfs, near),
                "accelerators_pci": list(near),
                "problems": problems,
            }
        },
    )


if __name__ == "__main__":
    main()
