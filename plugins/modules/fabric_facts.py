#!/usr/bin/python
"""Network interfaces and RDMA devices of a node, from sysfs; stdlib only, since it runs on the node."""

from __future__ import annotations

import json
import os

from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = r"""
---
module: fabric_facts
short_description: Interfaces and RDMA devices of a node
description:
  - Reads what NCCL, Gloo and Ray need to know of a node's network from C(ip) and sysfs. Changes nothing.
options:
  sysfs:
    description: Where sysfs is mounted.
    type: path
    default: /sys
author: [inferfleet]
"""

EXAMPLES = r"""
- name: Read interfaces and RDMA devices
  fabric_facts:
"""

RETURN = r"""
ansible_facts:
  description: Under C(inferfleet_fabric).
  returned: always
  type: dict
  contains:
    inferfleet_fabric:
      description: What the node has.
      type: dict
      contains:
        interfaces:
          description: Interfaces but loopback.
          type: list
          elements: dict
          contains:
            name: {description: Name of the interface., type: str}
            mtu: {description: Largest packet (bytes)., type: int}
            up: {description: Whether it is up., type: bool}
            speed_mbps: {description: Speed of the link (Mbit/s); 0 when not known., type: int}
            numa_node: {description: NUMA node of its device; -1 when not known., type: int}
            bond: {description: Name of the bond it is part of; empty when none., type: str}
            addresses: {description: IPv4 addresses., type: list, elements: str}
        rdma:
          description: RDMA devices.
          type: list
          elements: dict
          contains:
            name: {description: Name of the device, for example mlx5_0., type: str}
            numa_node: {description: NUMA node; -1 when not known., type: int}
            ports:
              description:
                - Its ports, each with C(port) (number), C(state) (for example ACTIVE), C(link_layer) (InfiniBand or
                  Ethernet), C(rate_gbps) (Gbit/s), C(interfaces) (names) and C(gids) (a list of C(index), C(gid),
                  C(type)).
              type: list
              elements: dict
        problems:
          description: What went wrong, each a map of C(code) and C(message).
          type: list
          elements: dict
"""


def read_text(*parts):
    """Return a sysfs file's text, empty when it cannot be read."""
    try:
        with open(os.path.join(*parts), encoding="utf-8", errors="replace") as stream:
            return stream.read().strip()
    except OSError:
        return ""


def read_number(*parts):
    """Return a sysfs file's number, -1 when there is none."""
    try:
        return int(read_text(*parts))
    except ValueError:
        return -1


def names_in(*parts):
    """Return the entries of a folder, sorted; none when there is no such folder."""
    try:
        return sorted(os.listdir(os.path.join(*parts)), key=lambda n: (len(n), n) if n.isdigit() else (99, n))
    except OSError:
        return []


def interfaces(sysfs, links):
    """Return the interfaces that `ip -json address show` lists, with what sysfs adds."""
    found = []
    for link in links:
        name = link.get("ifname")
        if not name or "LOOPBACK" in link.get("flags", ()):
            continue
        folder = os.path.join(sysfs, "class", "net", name)
        master = os.path.join(folder, "master")
        found.append(
            {
                "name": name,
                "mtu": int(link.get("mtu") or 0),
                "up": "UP" in link.get("flags", ()),
                "speed_mbps": max(0, read_number(folder, "speed")),
                "numa_node": read_number(folder, "device", "numa_node"),
                "bond": os.path.basename(os.path.realpath(master)) if os.path.islink(master) else "",
                "addresses": [a["local"] for a in link.get("addr_info", ()) if a.get("family") == "inet"],
            }
        )
    return found


def rdma(sysfs):
    """Return the RDMA devices in sysfs."""
    root = os.path.join(sysfs, "class", "infiniband")
    return [
        {
            "name": name,
            "numa_node": read_number(root, name, "device", "numa_node"),
            "ports": [port_facts(root, name, port) for port in names_in(root, name, "ports")],
        }
        for name in names_in(root)
    ]


def port_facts(root, device, port):
    """Return one port of an RDMA device."""
    folder = os.path.join(root, device, "ports", port)
    rate = read_text(folder, "rate").split(" ")[0]  # "200 Gb/sec (4X HDR)"
    names = {read_text(folder, "gid_attrs", "ndevs", i) for i in names_in(folder, "gid_attrs", "ndevs")}
    return {
        "port": int(port) if port.isdigit() else 0,
        "state": read_text(folder, "state").partition(":")[2].strip(),  # "4: ACTIVE"
        "link_layer": read_text(folder, "link_layer"),
        "rate_gbps": int(float(rate)) if rate.replace(".", "", 1).isdigit() else 0,
        "interfaces": sorted(name for name in names if name),
        "gids": gids(folder),
    }


def gids(folder):
    """Return the filled entries of a port's GID table."""
    found = []
    for index in names_in(folder, "gids"):
        gid = read_text(folder, "gids", index)
        if gid.replace(":", "").strip("0") and not gid.endswith("0000:0000:0000:0000"):
            found.append({"index": int(index), "gid": gid, "type": read_text(folder, "gid_attrs", "types", index)})
    return found


def parse_links(text):
    """Return the list that `ip -json address show` prints; raises ValueError for anything else."""
    links = json.loads(text)
    if not isinstance(links, list) or not all(isinstance(link, dict) for link in links):
        raise ValueError("not a list of interfaces")
    return links


def main():
    """Run the module."""
    module = AnsibleModule(argument_spec={"sysfs": {"type": "path", "default": "/sys"}}, supports_check_mode=True)
    sysfs, problems, links = module.params["sysfs"], [], []
    rc, out, err = module.run_command(["ip", "-json", "address", "show"])
    try:
        if rc != 0:
            raise ValueError(err.strip() or f"it left with {rc}")
        links = parse_links(out)
    except ValueError as error:
        problems.append({"code": "ip-failed", "message": f"`ip -json address show` does not help: {error}."})
    module.exit_json(
        changed=False,
        ansible_facts={
            "inferfleet_fabric": {
                "interfaces": interfaces(sysfs, links),
                "rdma": rdma(sysfs),
                "problems": problems,
            }
        },
    )


if __name__ == "__main__":
    main()
