#!/usr/bin/python
"""Accelerators of a node as its vendors' tools report them; stdlib only, since it runs on the node."""

from __future__ import annotations

import contextlib
import glob
import json
import os
import re
import signal
import subprocess
import xml.etree.ElementTree as ElementTree

from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = r"""
---
module: accelerator_facts
short_description: Accelerators of a node, their memory, driver and health
description:
  - Asks the first vendor's tool that is installed - C(nvidia-smi), C(rocm-smi), C(npu-smi) or C(vasmi) - what the node
    has. Changes nothing.
  - Never fails for what a tool does. A tool that is missing, hangs, crashes or answers garbage gives an entry in
    C(problems) and no accelerators.
options:
  timeout:
    description: Seconds after which a tool counts as hung and is ended.
    type: int
    default: 20
  tools:
    description: Tools to use instead of those found in C(PATH), by vendor.
    type: dict
    default: {}
  root:
    description: Folder below which C(sys), C(proc) and C(dev/kmsg) lie.
    type: path
    default: /
author: [inferfleet]
"""

EXAMPLES = r"""
- name: Read the node's accelerators
  accelerator_facts:

- name: Read them with a tool that is not in PATH
  accelerator_facts:
    tools:
      nvidia: /opt/nvidia/bin/nvidia-smi
"""

RETURN = r"""
ansible_facts:
  description: Under C(inferfleet_accelerators).
  returned: always
  type: dict
  contains:
    inferfleet_accelerators:
      description: What the tool reports.
      type: dict
      contains:
        vendor:
          description: nvidia, amd, ascend, vastai, or empty when no tool is installed.
          type: str
        driver_version:
          description: Version of the driver; empty when not reported.
          type: str
        cuda_version:
          description: Newest CUDA release that the driver runs (NVIDIA); empty otherwise.
          type: str
        compute_capability:
          description: Compute capability of the first device (NVIDIA), for example 8.0; empty otherwise.
          type: str
        fabric_manager_version:
          description: Version of NVIDIA's fabric manager; empty when none is installed.
          type: str
        pci:
          description: PCI addresses of the vendor's devices as the kernel sees them, whatever the driver says.
          type: dict
          contains:
            accelerators: {description: Addresses of accelerators., type: list, elements: str}
            switches: {description: Addresses of NVSwitches., type: list, elements: str}
        module_version:
          description: Version of NVIDIA's kernel module that is loaded; empty when none is.
          type: str
        module_flavour:
          description: Whether that module is C(open) or C(proprietary); empty when none is loaded.
          type: str
        library_version:
          description: Version of NVIDIA's libraries that are installed; empty when none are.
          type: str
        iommu:
          description: Whether the kernel translates the addresses of devices.
          type: bool
        acs_bridges:
          description: PCI addresses of bridges that send what devices say to each other through the processor (ACS).
          type: list
          elements: str
        kernel:
          description: The kernel's release.
          type: str
        modules:
          description: Those of C(nouveau), C(nvidia), C(nvidia_peermem), C(nv_peer_mem), C(amdgpu), C(vastai_pci) that
            are loaded.
          type: list
          elements: str
        daemons:
          description: Those of C(nv-fabricmanager) and C(nvidia-persistenced) that run.
          type: list
          elements: str
        processes:
          description: Programs that hold NVIDIA accelerators.
          type: list
          elements: dict
          contains:
            index: {description: Number of the device., type: int}
            pid: {description: Process number on the node., type: int}
            name: {description: The program., type: str}
            memory_mib: {description: Memory that it holds (MiB)., type: int}
            ours: {description: Whether it belongs to a container of inferfleet., type: bool}
        events:
          description: The driver's errors (Xid) in the kernel's log since the node started, the newest of each kind
            and device.
          type: list
          elements: dict
          contains:
            xid: {description: Number of the error., type: int}
            bus: {description: PCI address of the device., type: str}
            age_seconds: {description: Seconds since it was written., type: int}
            count: {description: How often it was written., type: int}
            text: {description: What the driver wrote., type: str}
        accelerators:
          description: The devices, in the tool's order.
          type: list
          elements: dict
          contains:
            index: {description: Number of the device., type: int}
            name: {description: Product name., type: str}
            uuid: {description: Unique name of the device; empty when not reported., type: str}
            bus: {description: PCI address; empty when not reported., type: str}
            memory_mib: {description: Memory (MiB); 0 when not reported., type: int}
            memory_used_mib: {description: Memory in use (MiB)., type: int}
            mig: {description: Enabled or Disabled; empty where devices cannot be divided., type: str}
            persistence: {description: Enabled or Disabled; empty where there is no such mode., type: str}
            ecc: {description: Enabled or Disabled; empty when not reported., type: str}
            ecc_uncorrectable: {description: Uncorrectable memory errors since the last reset (count)., type: int}
            fabric_state: {description: State of the NVSwitch fabric; empty without one., type: str}
        problems:
          description: What went wrong, each a map of C(code) and C(message).
          type: list
          elements: dict
"""

TOOLS = {"nvidia": "nvidia-smi", "amd": "rocm-smi", "ascend": "npu-smi", "vastai": "vasmi"}
ARGUMENTS = {
    "nvidia": ["-q", "-x"],
    "amd": [
        "--showproductname",
        "--showmeminfo",
        "vram",
        "--showdriverversion",
        "--showuniqueid",
        "--showbus",
        "--json",
    ],
    "ascend": ["info"],
    "vastai": ["summary"],
}
# Compute capability is missing in nvidia-smi's XML of most drivers; product architectures have one each, these more.
CAPABILITY = {"Volta": "7.0", "Turing": "7.5", "Hopper": "9.0", "Blackwell": "10.0"}
AMPERE_SMALL = ("A10", "A16", "A2", "A40", "RTX")
_OUTPUT_LIMIT = 32 * 1024 * 1024


class ToolError(Exception):
    """A tool could not be used; carries a code and a message for people."""

    def __init__(self, code, message):
        super().__init__(message)
        self.code = code


def run_tool(argv, timeout):
    """Return what a tool prints; raises ToolError when it is missing, hangs or fails."""
    shown = " ".join(argv)
    try:
        process = subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env={**os.environ, "LC_ALL": "C"},
        )
    except OSError as error:
        raise ToolError("tool-broken", f"`{shown}` cannot be started: {error.strerror}.") from None
    try:
        output, _ = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        # A driver in trouble leaves the tool in the kernel, so its whole group is ended and not waited for long.
        os.killpg(process.pid, signal.SIGKILL)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.communicate(timeout=2)
        message = f"`{shown}` did not answer within {timeout} seconds; see the kernel log."
        raise ToolError("tool-hung", message) from None
    text = output[:_OUTPUT_LIMIT].decode("utf-8", "replace")
    if process.returncode != 0:
        code = process.returncode
        how = f"was ended by signal {-code}" if code < 0 else f"left with {code}"
        lines = [line.strip() for line in text.splitlines() if line.strip()]
        said = f": {lines[-1][:200]}" if lines else ""
        raise ToolError("tool-failed", f"`{shown}` {how}{said}.")
    return text


def parse_nvidia(text):
    """Return the facts of `nvidia-smi -q -x`; raises ToolError for anything else."""
    start = text.find("<nvidia_smi_log")
    try:
        root = ElementTree.fromstring(text[start:] if start > 0 else text)
    except ElementTree.ParseError as error:
        raise ToolError("tool-garbage", f"`nvidia-smi -q -x` does not answer XML: {error}.") from None
    if root.tag != "nvidia_smi_log":
        raise ToolError("tool-garbage", f"`nvidia-smi -q -x` answers <{root.tag[:40]}>, not <nvidia_smi_log>.")
    devices, capability = [], ""
    for index, gpu in enumerate(root.findall("gpu")):
        devices.append(
            {
                "index": index,
                "name": _text(gpu, "product_name"),
                "uuid": _text(gpu, "uuid"),
                "bus": gpu.get("id", ""),
                "memory_mib": _mib(_text(gpu, "fb_memory_usage/total")),
                "memory_used_mib": _mib(_text(gpu, "fb_memory_usage/used")),
                "mig": _switch(_text(gpu, "mig_mode/current_mig")),
                "persistence": _switch(_text(gpu, "persistence_mode")),
                "ecc": _switch(_text(gpu, "ecc_mode/current_ecc")),
                "ecc_uncorrectable": _uncorrectable(gpu),
                "fabric_state": _state(_text(gpu, "fabric/state")),
            }
        )
        capability = capability or _capability(gpu)
    return {
        "driver_version": _text(root, "driver_version"),
        "cuda_version": _text(root, "cuda_version"),
        "compute_capability": capability,
        "accelerators": devices,
        "processes": processes_of(root),
    }


def processes_of(root):
    """Return the programs that nvidia-smi shows on each device."""
    return [
        {
            "index": index,
            "pid": _number(_text(entry, "pid")),
            "name": _text(entry, "process_name"),
            "memory_mib": _mib(_text(entry, "used_memory")),
            "ours": False,
        }
        for index, gpu in enumerate(root.findall("gpu"))
        for entry in gpu.findall("processes/process_info")
    ]


def parse_amd(text):
    """Return the facts of `rocm-smi … --json`; raises ToolError for anything else."""
    start = text.find("{")
    try:
        data = json.loads(text[start:])
    except ValueError:
        raise ToolError("tool-garbage", "`rocm-smi --json` does not answer JSON.") from None
    if not isinstance(data, dict):
        raise ToolError("tool-garbage", "`rocm-smi --json` does not answer a map.")
    devices = []
    for name in sorted((key for key in data if re.match(r"card\d+$", key)), key=lambda key: int(key[4:])):
        card = data[name] if isinstance(data[name], dict) else {}
        folded = {str(key).lower(): str(value) for key, value in card.items()}
        devices.append(
            _device(
                len(devices),
                folded.get("card series") or folded.get("card model", ""),
                uuid=folded.get("unique id", ""),
                bus=folded.get("pci bus", ""),
                memory_mib=_number(folded.get("vram total memory (b)")) // 2**20,
                memory_used_mib=_number(folded.get("vram total used memory (b)")) // 2**20,
            )
        )
    system = data.get("system") if isinstance(data.get("system"), dict) else {}
    return {"driver_version": str(system.get("Driver version", "")), "accelerators": devices}


def parse_ascend(text):
    """Return the facts of `npu-smi info`'s table; raises ToolError for anything else."""
    version = re.search(r"npu-smi\s+\S+\s+Version:\s*(\S+)", text)
    if not version:
        raise ToolError("tool-garbage", "`npu-smi info` does not answer its table.")
    devices, product = [], ""
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if len(cells) != 3 or not line.strip().startswith("|"):
            continue
        first = re.match(r"(\d+)\s+(\S*910\S*|\S*310\S*)$", cells[0])
        if first:
            product, health = first.group(2), cells[1].split()[:1]
            devices.append(_device(len(devices), product))
            if health and health[0] not in ("OK", "Warning"):
                devices[-1]["ecc_uncorrectable"] = 1
        elif devices and re.match(r"\d+", cells[0]):
            # The second line of a device ends with its memory: used / total (MB).
            sizes = re.findall(r"(\d+)\s*/\s*(\d+)", cells[2])
            if sizes:
                devices[-1]["memory_used_mib"], devices[-1]["memory_mib"] = (int(size) for size in sizes[-1])
            devices[-1]["bus"] = cells[1]
    return {"driver_version": version.group(1), "accelerators": devices}


def parse_vastai(text):
    """Return the facts of `vasmi summary`'s table; raises ToolError for anything else."""
    driver = re.search(r"driver(?:\s+version)?\s*[:=]\s*(\S+)", text, re.IGNORECASE)
    devices = []
    for line in text.splitlines():
        found = re.search(r"\b(VA\d+[A-Z]*|SV\d+[A-Z]*)\b", line)
        sizes = re.findall(r"(\d+(?:\.\d+)?)\s*(GB|GiB|MB|MiB)", line)
        if found and sizes:
            size, unit = sizes[-1]
            scale = 1024 if unit.startswith("G") else 1
            devices.append(_device(len(devices), found.group(1), memory_mib=int(float(size) * scale)))
    if not devices and not driver:
        raise ToolError("tool-garbage", "`vasmi summary` does not answer its table.")
    return {"driver_version": driver.group(1) if driver else "", "accelerators": devices}


PARSERS = {"nvidia": parse_nvidia, "amd": parse_amd, "ascend": parse_ascend, "vastai": parse_vastai}


def read_accelerators(find_tool, timeout):
    """Return the facts; `find_tool` maps a vendor to the path of its tool or None."""
    facts = {
        "vendor": "",
        "driver_version": "",
        "cuda_version": "",
        "compute_capability": "",
        "fabric_manager_version": "",
        "processes": [],
        "accelerators": [],
        "problems": [],
    }
    for vendor in TOOLS:
        path = find_tool(vendor)
        if not path:
            continue
        facts["vendor"] = facts["vendor"] or vendor
        try:
            found = PARSERS[vendor](run_tool([path, *ARGUMENTS[vendor]], timeout))
        except ToolError as error:
            facts["problems"].append({"code": error.code, "message": str(error)})
            continue
        if found["accelerators"]:
            facts.update(found, vendor=vendor)
            break
        facts["problems"].append({"code": "no-device", "message": f"`{path}` works, but shows no accelerator."})
    else:
        if not facts["problems"]:
            named = ", ".join(TOOLS.values())
            facts["problems"].append({"code": "no-tool", "message": f"None of {named} is installed."})
    facts["problems"] += health(facts["accelerators"])
    return facts


def health(devices):
    """Return what of the devices deserves attention, as problems."""
    found = []
    for device in devices:
        index = device["index"]
        if device["mig"] == "Enabled":
            found.append({"code": "mig-enabled", "message": f"Accelerator {index} is divided by MIG."})
        if device["ecc_uncorrectable"]:
            count = device["ecc_uncorrectable"]
            found.append({"code": "ecc-errors", "message": f"Accelerator {index} has {count} uncorrectable errors."})
        if device["persistence"] == "Disabled":
            found.append({"code": "persistence-off", "message": f"Persistence mode of accelerator {index} is off."})
    return found


def _device(index, name, **known):
    device = {
        "index": index,
        "name": name,
        "uuid": "",
        "bus": "",
        "memory_mib": 0,
        "memory_used_mib": 0,
        "mig": "",
        "persistence": "",
        "ecc": "",
        "ecc_uncorrectable": 0,
        "fabric_state": "",
    }
    device.update(known)
    return device


def _text(node, path):
    found = node.find(path)
    return (found.text or "").strip() if found is not None else ""


def _mib(text):
    found = re.match(r"(\d+)\s*MiB", text)
    return int(found.group(1)) if found else 0


def _number(text):
    return int(text) if text and re.match(r"\d+$", text.strip()) else 0


def _switch(text):
    return text if text in ("Enabled", "Disabled") else ""


def _state(text):
    return "" if text in ("N/A", "Not Supported") else text


def _uncorrectable(gpu):
    volatile = gpu.find("ecc_errors/volatile")
    if volatile is None:
        return 0
    total = 0
    for entry in volatile.iter():
        # Newer drivers count by kind (dram_uncorrectable, sram_uncorrectable_parity), older ones by bits.
        if "uncorrectable" in entry.tag:
            total += _number(entry.text)
    double = volatile.find("double_bit/total")
    return total + (_number(double.text) if double is not None else 0)


def _capability(gpu):
    told = _text(gpu, "compute_cap")
    if re.match(r"\d+\.\d+$", told):
        return told
    architecture, product = _text(gpu, "product_architecture"), _text(gpu, "product_name")
    if architecture == "Ampere":
        small = any(re.search(rf"\b{name}\b", product) for name in AMPERE_SMALL)
        return "8.6" if small else "8.0"
    if architecture in ("Ada Lovelace", "Ada"):
        return "8.9"
    return CAPABILITY.get(architecture, "")


def fabric_manager_version(find, timeout):
    """Return the version of NVIDIA's fabric manager, empty when it is not installed or does not answer."""
    path = find("nv-fabricmanager")
    if not path:
        return ""
    try:
        found = re.search(r"(\d+\.\d+(?:\.\d+)*)", run_tool([path, "--version"], timeout))
    except ToolError:
        return ""
    return found.group(1) if found else ""


# PCI vendors, and the classes of their accelerators: 3D and display controllers, processing accelerators (pci.ids).
PCI_VENDORS = {"nvidia": "0x10de", "amd": "0x1002", "ascend": "0x19e5"}
PCI_ACCELERATORS = {"nvidia": ("0x0302", "0x0300"), "amd": ("0x0380", "0x1200"), "ascend": ("0x1200",)}
PCI_VASTAI = "0x0100"  # device number, as in Vastai's own `lspci -d:0100`
PCI_BRIDGE = "0x0680"  # of NVIDIA: an NVSwitch
MODULES = ("nouveau", "nvidia", "nvidia_peermem", "nv_peer_mem", "amdgpu", "vastai_pci")
DAEMONS = ("nv-fabricmanager", "nvidia-persistenced")
# NVRM: Xid (PCI:0000:3b:00): 79, pid=1234, name=python, GPU has fallen off the bus.
XID = re.compile(r"NVRM: Xid \((?:PCI:)?([0-9a-fA-F:.]+)\): (\d+), ?(.*)")


def kernel_side(root, vendor):
    """Return what the kernel knows of the node's accelerators, whether or not the vendor's tool answers."""
    version = _read(root, "proc/driver/nvidia/version")
    found = re.search(r"(\d+\.\d+(?:\.\d+)?)", version)
    flavour = "open" if "Open Kernel Module" in version else "proprietary"
    return {
        "pci": pci_devices(root, vendor),
        "module_version": found.group(1) if found else "",
        "module_flavour": flavour if found else "",
        "library_version": library_version(root),
        "iommu": bool(glob.glob(os.path.join(root, "sys/class/iommu/*"))),
        "acs_bridges": acs_bridges(root),
        "kernel": _read(root, "proc/sys/kernel/osrelease").strip(),
        "modules": [name for name in MODULES if os.path.isdir(os.path.join(root, "sys/module", name))],
        "daemons": daemons(root),
        "events": events(kernel_log(os.path.join(root, "dev/kmsg")), uptime(root)),
    }


def _read(root, path):
    try:
        with open(os.path.join(root, path), errors="replace") as file:
            return file.read()
    except OSError:
        return ""


def pci_devices(root, vendor):
    """Return the addresses of a vendor's accelerators and NVSwitches; NVIDIA's where no vendor's tool is installed."""
    vendor = vendor or "nvidia"
    found = {"accelerators": [], "switches": []}
    folder = "sys/bus/pci/devices"
    with contextlib.suppress(OSError):
        for address in sorted(os.listdir(os.path.join(root, folder))):

            def told(name, address=address):
                return _read(root, f"{folder}/{address}/{name}").strip()

            if vendor == "vastai":
                if told("device") == PCI_VASTAI:
                    found["accelerators"].append(address)
            elif told("vendor") == PCI_VENDORS[vendor]:
                kind = told("class")[:6]
                if kind in PCI_ACCELERATORS[vendor]:
                    found["accelerators"].append(address)
                elif kind == PCI_BRIDGE and vendor == "nvidia":
                    found["switches"].append(address)
    return found


def acs_bridges(root):
    """Return the PCI bridges with Access Control Services that redirect requests or completions."""
    found = []
    for path in sorted(glob.glob(os.path.join(root, "sys/bus/pci/devices/*/config"))):
        address = os.path.basename(os.path.dirname(path))
        if not _read(root, f"sys/bus/pci/devices/{address}/class").startswith("0x0604"):
            continue
        try:
            with open(path, "rb") as file:
                config = file.read(4096)
        except OSError:
            continue
        if acs_control(config) & 0b1100:  # P2P request redirect, P2P completion redirect
            found.append(address)
    return found


def acs_control(config):
    """Return the ACS control register of a device's configuration space, 0 without one (PCI Express, 7.7.11)."""
    offset = 0x100
    for _ in range(96):  # no more capabilities fit
        header = int.from_bytes(config[offset : offset + 4], "little")
        if header & 0xFFFF == 0x000D:
            return int.from_bytes(config[offset + 6 : offset + 8], "little")
        offset = header >> 20
        if offset < 0x100:
            break
    return 0


def library_version(root):
    """Return the version of the installed libnvidia-ml, empty when there is none."""
    for folder in ("usr/lib/*-linux-gnu", "usr/lib64", "usr/lib"):
        for path in sorted(glob.glob(os.path.join(root, folder, "libnvidia-ml.so.*.*"))):
            return os.path.basename(path).split(".so.")[1]
    return ""


def daemons(root):
    """Return those of DAEMONS that run."""
    names = {_read(root, path).strip() for path in _process_files(root, "comm")}
    return [name for name in DAEMONS if name[:15] in names]  # the kernel cuts names at 15 letters


def _process_files(root, name):
    with contextlib.suppress(OSError):
        return [f"proc/{pid}/{name}" for pid in os.listdir(os.path.join(root, "proc")) if pid.isdigit()]
    return []


def ours(root, pid):
    """Tell whether a process or one of its ancestors carries the variable that all our containers set."""
    while pid > 1:
        if "INFERFLEET_COMPONENT=" in _read(root, f"proc/{pid}/environ"):
            return True
        parent = _read(root, f"proc/{pid}/stat").rpartition(")")[2].split()
        pid = int(parent[1]) if len(parent) > 1 else 0
    return False


def uptime(root):
    """Return the seconds since the node started."""
    words = _read(root, "proc/uptime").split()
    return float(words[0]) if words else 0.0


def kernel_log(path):
    """Return the lines of the kernel's log as /dev/kmsg gives them, none where it may not be read."""
    records = []
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    except OSError:
        return records
    try:
        while True:
            try:
                record = os.read(handle, 8192)
            except BrokenPipeError:  # the oldest was overwritten meanwhile
                continue
            except OSError:  # the end, for now
                break
            if not record:
                break
            records.append(record)
    finally:
        os.close(handle)
    # A file of records (and nothing else) comes in pieces of any size.
    return b"".join(records).decode("utf-8", "replace").splitlines()


def events(lines, now):
    """Return the newest Xid of each kind and device; a line is `level,number,microseconds,flags;text`."""
    found = {}
    for line in lines:
        head, _, text = line.partition(";")
        match = XID.search(text)
        if not match:
            continue
        stamp = head.split(",")
        written = _number(stamp[2]) / 1e6 if len(stamp) > 2 else now
        bus, xid = match.group(1), int(match.group(2))
        count = found[bus, xid]["count"] if (bus, xid) in found else 0
        found[bus, xid] = {
            "xid": xid,
            "bus": bus,
            "age_seconds": max(0, int(now - written)),
            "count": count + 1,
            "text": match.group(3)[:200],
        }
    return list(found.values())


def main():
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "timeout": {"type": "int", "default": 20},
            "tools": {"type": "dict", "default": {}},
            "root": {"type": "path", "default": "/"},
        },
        supports_check_mode=True,
    )
    tools, timeout = module.params["tools"], module.params["timeout"]

    def find_tool(vendor):
        if vendor in tools:
            return tools[vendor]
        return module.get_bin_path(TOOLS[vendor], required=False, opt_dirs=["/usr/local/bin", "/opt/rocm/bin"])

    facts = read_accelerators(find_tool, timeout)
    if facts["vendor"] == "nvidia":
        facts["fabric_manager_version"] = fabric_manager_version(
            lambda name: module.get_bin_path(name, required=False), timeout
        )
    root = module.params["root"]
    facts.update(kernel_side(root, facts["vendor"]))
    for process in facts["processes"]:
        process["ours"] = ours(root, process["pid"])
    module.exit_json(changed=False, ansible_facts={"inferfleet_accelerators": facts})


if __name__ == "__main__":
    main()
