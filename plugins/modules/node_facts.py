#!/usr/bin/python
"""Facts about a node that preflight checks; stdlib only, since it runs on the node."""

from __future__ import annotations

import contextlib
import ctypes
import glob
import importlib.util
import json
import os
import platform
import pwd
import sys

from ansible.module_utils import python_floor  # noqa: F401  # preflight runs this module before all others
from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.change_lock import PATH
from ansible.module_utils.converged import compare
from ansible.module_utils.filesystem import existing_parent, space
from ansible.module_utils.messages import N_, Message, failure
from ansible.module_utils.processes import belongs_to_inferfleet, process_ids
from ansible.module_utils.weights import provided

DOCUMENTATION = r"""
---
module: node_facts
short_description: Disk, memory, interfaces and listening ports of a node
description:
  - Reads the facts that the planner and preflight need. Changes nothing. Fails if it does not run as root.
  - A listening port belongs to inferfleet if its process, or an ancestor, has the environment variable
    C(INFERFLEET_COMPONENT), which every container of inferfleet sets.
options:
  paths:
    description: Absolute paths whose file systems are measured; a missing path means its nearest existing parent.
    type: list
    elements: str
    default: []
  tree:
    description: Folder of C(owner/name) folders, whose sizes are reported as present weights.
    type: path
  model:
    description:
      - A model's folder that the user provides, followed by the folders that its links may point to; empty if the model
        is downloaded.
    type: list
    elements: str
    default: []
  record:
    description: Whether the node is compared with the record of a deployment that changed nothing, in the same request.
    type: bool
    default: false
author: [inferfleet]
"""

EXAMPLES = r"""
- name: Read the facts for preflight
  node_facts:
    paths: [/data/models, /var/lib/docker]
    tree: /data/models
"""

RETURN = r"""
record:
  description:
    - C(since), C(run) and C(inputs) of the record, empty without one, and the first C(differences) of the node.
  returned: with O(record)
  type: dict
ansible_facts:
  description: Under C(inferfleet_node).
  returned: always
  type: dict
  contains:
    inferfleet_node:
      description:
        - C(present), a map of C(owner/name) below C(tree) to its bytes; C(docker), whether Docker runs there;
          C(copies), a map of C(owner/name) to a folder below C(tree) with that model that inferfleet did not download;
          C(model_folder), the state of the folder C(model);
          C(packages), the names of the installed packages of the system; C(environments), a map of the Python virtual
          environments below C(/opt/inferfleet) to their packages, as C(name==version) with hyphens;
          C(runnable), whether tasks of Ansible's C(apt), C(pip) and C(docker) modules can run; in check mode only if
          their requirements, which a real run installs first, are installed;
          C(container), whether the node itself is a container;
          C(interfaces), a list of C(name), C(mtu), C(up), C(addresses) and C(prefixes) (IPv4);
          C(ephemeral_ports), the first and the last port that the kernel assigns (net.ipv4.ip_local_port_range);
          C(listening), a map of TCP port to the owner (C(inferfleet) or the process name);
          C(disk), a map of path to C(free_bytes), C(total_bytes) and C(device) (its file system's number);
          C(clock_synchronized), whether the kernel's clock is synchronized with a time source;
          C(memory_bytes), C(shm_bytes), C(cpu_count), C(architecture), C(distribution);
          C(python), C(version) and C(executable) of the Python interpreter that Ansible uses.
      type: dict
"""


def interfaces(module: AnsibleModule) -> list[dict]:
    """Return the IPv4 interfaces except loopback."""
    rc, out, reason = 127, "", Message("", N_("the program is not installed"))
    if module.get_bin_path("ip"):
        rc, out, err = module.run_command(["ip", "-json", "address", "show"])
        reason = Message("", "{line}", line=err.strip())
    if rc != 0:
        failed = N_("`ip -json address show` failed: {reason}. Install iproute2 on the node.")
        module.fail_json(**failure(Message("ip-failed", failed, reason=reason)))
    return [
        {
            "name": link["ifname"],
            "mtu": link["mtu"],
            "up": "UP" in link["flags"],
            "addresses": [a["local"] for a in inet],
            "prefixes": [f"{a['local']}/{a['prefixlen']}" for a in inet],
        }
        for link in json.loads(out)
        for inet in [[a for a in link.get("addr_info", []) if a.get("family") == "inet"]]
        if link.get("ifname") and "LOOPBACK" not in link["flags"]
    ]


def listening_inodes() -> dict[str, int]:
    """Return socket inode -> port of every TCP socket in state LISTEN."""
    found = {}
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        try:
            with open(table) as lines:
                rows = [line.split() for line in lines][1:]
        except OSError:
            continue
        for row in rows:
            if row[3] == "0A":
                found[row[9]] = int(row[1].rsplit(":", 1)[1], 16)
    return found


def ephemeral_ports() -> list[int]:
    """Return the first and the last port that the kernel assigns by itself; in a container, those of its network."""
    with open("/proc/sys/net/ipv4/ip_local_port_range") as span:
        return [int(port) for port in span.read().split()]


def sockets(pid: str) -> set[str]:
    """Return the inodes of a process's sockets; sockets closed meanwhile may be missing."""
    found = set()
    for fd in os.listdir(f"/proc/{pid}/fd"):
        with contextlib.suppress(OSError):
            target = os.readlink(f"/proc/{pid}/fd/{fd}")
            if target.startswith("socket:["):
                found.add(target[8:-1])
    return found


def listening() -> dict[str, str]:
    """Return port -> owner: `inferfleet` for our containers, else the process name."""
    inodes = listening_inodes()
    owners: dict[str, str] = {str(port): "unknown process" for port in inodes.values()}
    for pid in process_ids():
        try:
            ports = {str(inodes[inode]) for inode in sockets(pid) if inode in inodes}
            if not ports:
                continue
            with open(f"/proc/{pid}/comm") as comm:
                owner = "inferfleet" if belongs_to_inferfleet(int(pid)) else comm.read().strip()
        except OSError:  # the process ended meanwhile
            continue
        owners |= {port: owner for port in ports if owners[port] != "inferfleet"}
    return owners


def disk(path: str) -> dict:
    """Return size and device of the file system of `path`, or of its nearest existing parent."""
    return {**space(path), "device": os.stat(existing_parent(path)).st_dev}


STAGING = ".inferfleet-staging"


def present(tree: str | None) -> dict[str, int]:
    """Return the bytes on disk of every `owner/name` folder below `tree`, including staged files."""
    if not tree or not os.path.isdir(tree):
        return {}
    inodes: dict[str, dict[int, int]] = {}
    for owner in os.scandir(tree):
        for place in os.scandir(owner) if owner.is_dir() else ():
            if not place.is_dir():
                continue
            name = place.name[1 : -len(STAGING)] if place.name.endswith(STAGING) else place.name
            sizes = inodes.setdefault(f"{owner.name}/{name}", {})
            for folder, _, files in os.walk(place):
                for file in files:
                    info = os.lstat(os.path.join(folder, file))
                    # A staged file is sparse with its final size; a hard-linked file counts once.
                    sizes[info.st_ino] = min(info.st_size, info.st_blocks * 512)
    return {name: sum(sizes.values()) for name, sizes in inodes.items()}


def runnable(check_mode: bool) -> dict[str, bool]:
    """Return which Ansible modules can run on this node: in check mode, those whose requirements are installed."""
    found = {name: importlib.util.find_spec(name) is not None for name in ("apt", "packaging", "ensurepip", "requests")}
    installed = {
        "apt": found["apt"],
        "pip": found["packaging"] and found["ensurepip"],
        "docker": found["requests"] and os.path.exists("/run/docker.sock"),
    }
    return {name: present or not check_mode for name, present in installed.items()}


def packages(module: AnsibleModule) -> list[str]:
    """Return the names of the installed packages; empty if neither dpkg nor rpm answers."""
    for argv in (
        ["dpkg-query", "--show", "--showformat", "${db:Status-Status} ${Package}\n"],
        ["rpm", "--query", "--all", "--queryformat", "installed %{NAME}\n"],
    ):
        if not module.get_bin_path(argv[0]):
            continue
        rc, out, _ = module.run_command(argv)
        names = {line[len("installed ") :] for line in out.splitlines() if line.startswith("installed ")}
        if rc == 0 and names:
            return sorted(names)
    return []


ENVIRONMENTS = "/opt/inferfleet"


def environments(root: str = ENVIRONMENTS) -> dict[str, list[str]]:
    """Return the packages of every virtual environment below `root` whose interpreter exists."""
    found = {}
    for python in glob.glob(f"{root}/*/bin/python"):
        folder = os.path.dirname(os.path.dirname(python))
        if os.path.exists(python):
            names = (os.path.basename(path) for path in glob.glob(f"{folder}/lib/python*/site-packages/*.dist-info"))
            parts = (name[: -len(".dist-info")].rsplit("-", 1) for name in names)
            found[folder] = sorted("==".join(part).replace("_", "-") for part in parts)
    return found


def memory_bytes() -> int:
    """Return the node's memory in bytes."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def clock_synchronized() -> bool:
    """Return whether the kernel's clock is synchronized; true if unknown."""
    # struct timex of linux/timex.h: zeroed, it only reads. With STA_UNSYNC, the return value is TIME_ERROR (5).
    try:
        return ctypes.CDLL(None).adjtimex(ctypes.create_string_buffer(256)) != 5
    except (AttributeError, OSError):
        return True


_RELEASE = ("ID", "ID_LIKE", "VERSION_ID", "VERSION_CODENAME")


def distribution() -> dict[str, str]:
    """Return ID, ID_LIKE, VERSION_ID and VERSION_CODENAME of os-release, lower case."""
    with open("/etc/os-release") as lines:
        pairs = dict(line.strip().split("=", 1) for line in lines if "=" in line)
    return {key.lower(): pairs.get(key, "").strip("\"'").lower() for key in _RELEASE}


def not_root(uid: int) -> Message:
    """Return the message about tasks that run as another user than root."""
    try:
        user = pwd.getpwuid(uid).pw_name
    except KeyError:
        user = str(uid)
    return Message("not-root", N_("tasks run as user {user}"), user=user)


def main() -> None:
    """Entry point of the module."""
    module = AnsibleModule(
        argument_spec={
            "paths": {"type": "list", "elements": "str", "default": []},
            "tree": {"type": "path"},
            "model": {"type": "list", "elements": "str", "default": []},
            "record": {"type": "bool", "default": False},
        },
        supports_check_mode=True,
    )
    if os.geteuid() != 0:
        module.fail_json(**failure(not_root(os.geteuid())))
    facts = {
        "interfaces": interfaces(module),
        "listening": listening(),
        "ephemeral_ports": ephemeral_ports(),
        "disk": {path: disk(path) for path in module.params["paths"]},
        "present": present(module.params["tree"]),
        "copies": provided.copies(module.params["tree"]) if module.params["tree"] else {},
        "model_folder": provided.describe(module.params["model"]) if module.params["model"] else {},
        "container": os.path.exists("/.dockerenv"),
        "docker": os.path.exists("/run/docker.sock"),
        "packages": packages(module),
        "environments": environments(),
        "runnable": runnable(module.check_mode),
        "clock_synchronized": clock_synchronized(),
        "memory_bytes": memory_bytes(),
        "shm_bytes": disk("/dev/shm")["total_bytes"],
        "cpu_count": os.cpu_count(),
        "architecture": platform.machine(),
        "distribution": distribution(),
        "python": {"version": platform.python_version(), "executable": sys.executable},
    }
    record = compare(PATH) if module.params["record"] else {}
    module.exit_json(changed=False, ansible_facts={"inferfleet_node": facts}, record=record)


if __name__ == "__main__":
    main()
