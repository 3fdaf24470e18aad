#!/usr/bin/python
"""Accelerators of a node, as reported by the vendors' tools."""

from __future__ import annotations

from typing import Any

from ansible.module_utils import python_floor  # noqa: F401  # preflight runs this module before all others
from ansible.module_utils.accelerators import amd, ascend, nvidia, vastai
from ansible.module_utils.accelerators.device import health
from ansible.module_utils.accelerators.kernel import kernel_side
from ansible.module_utils.accelerators.tool import ToolError, run_tool
from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.messages import N_, Message
from ansible.module_utils.processes import belongs_to_inferfleet

DOCUMENTATION = r"""
---
module: accelerator_facts
short_description: Accelerators of a node, their memory, driver and health
description:
  - Reads the accelerators from the first installed vendor tool - C(nvidia-smi), C(rocm-smi), C(npu-smi) or C(vasmi).
    Changes nothing.
  - Does not fail because of a tool. A tool that is missing, hangs, crashes or prints invalid output results in an entry
    in C(problems) and no accelerators.
options:
  timeout:
    description: Seconds after which a tool is considered hung and killed.
    type: int
    default: 20
  tools:
    description: Tools to use instead of those found in C(PATH), by vendor.
    type: dict
    default: {}
  root:
    description: Folder that contains C(sys), C(proc) and C(dev/kmsg).
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
      description: Facts about the accelerators.
      type: dict
      contains:
        vendor:
          description: nvidia, amd, ascend, vastai, or empty if no tool is installed.
          type: str
        driver_version:
          description: Version of the driver; empty if not reported.
          type: str
        cuda_version:
          description: Newest CUDA release that the driver supports (NVIDIA); empty otherwise.
          type: str
        compute_capability:
          description: Compute capability of the first device (NVIDIA), for example 8.0; empty otherwise.
          type: str
        fabric_manager_version:
          description: Version of NVIDIA's fabric manager; empty when none is installed.
          type: str
        pci:
          description: PCI addresses of the vendor's devices from sysfs, independent of the driver.
          type: dict
          contains:
            accelerators: {description: Addresses of accelerators., type: list, elements: str}
            switches: {description: Addresses of NVSwitches., type: list, elements: str}
        module_version:
          description: Version of the loaded NVIDIA kernel module; empty if none is loaded.
          type: str
        module_flavour:
          description: Whether that module is C(open) or C(proprietary); empty if none is loaded.
          type: str
        library_version:
          description: Version of the installed NVIDIA libraries; empty if none are installed.
          type: str
        iommu:
          description: Whether the IOMMU is enabled.
          type: bool
        acs_bridges:
          description: PCI addresses of bridges that redirect peer-to-peer traffic through the processor (ACS).
          type: list
          elements: str
        kernel:
          description: Release of the kernel.
          type: str
        modules:
          description: Loaded modules among C(nouveau), C(nvidia), C(nvidia_peermem), C(nv_peer_mem), C(amdgpu) and
            C(vastai_pci).
          type: list
          elements: str
        daemons:
          description: Running daemons among C(nv-fabricmanager) and C(nvidia-persistenced).
          type: list
          elements: str
        processes:
          description: Processes that use NVIDIA accelerators.
          type: list
          elements: dict
          contains:
            index: {description: Number of the device., type: int}
            pid: {description: Process id on the node., type: int}
            name: {description: Name of the program., type: str}
            memory_mib: {description: Accelerator memory in use (MiB)., type: int}
            ours: {description: Whether it belongs to a container of inferfleet., type: bool}
        events:
          description: Driver errors (Xid) in the kernel log since the node started, the newest of each kind
            and device.
          type: list
          elements: dict
          contains:
            xid: {description: Number of the error., type: int}
            bus: {description: PCI address of the device., type: str}
            age_seconds: {description: Seconds since the last occurrence., type: int}
            count: {description: Number of occurrences., type: int}
            text: {description: Message of the driver., type: str}
        accelerators:
          description: The devices, in the tool's order.
          type: list
          elements: dict
          contains:
            index: {description: Number of the device., type: int}
            name: {description: Product name., type: str}
            uuid: {description: Unique name of the device; empty if not reported., type: str}
            bus: {description: PCI address; empty if not reported., type: str}
            memory_mib: {description: Memory (MiB); 0 if not reported., type: int}
            memory_used_mib: {description: Memory in use (MiB)., type: int}
            mig: {description: Enabled or Disabled; empty without MIG support., type: str}
            persistence: {description: Enabled or Disabled; empty without such a mode., type: str}
            ecc: {description: Enabled or Disabled; empty if not reported., type: str}
            ecc_uncorrectable: {description: Uncorrectable memory errors since the last reset (count)., type: int}
            fabric_state: {description: State of the NVSwitch fabric; empty without one., type: str}
        problems:
          description: Problems, each a map of C(code), C(message), C(template) and C(parameters).
          type: list
          elements: dict
"""

VENDORS = {"nvidia": nvidia, "amd": amd, "ascend": ascend, "vastai": vastai}


def read_accelerators(find_tool, timeout):
    """Return the facts; `find_tool` maps a vendor to the path of its tool or None."""
    facts: dict[str, Any] = {
        "vendor": "",
        "driver_version": "",
        "cuda_version": "",
        "compute_capability": "",
        "fabric_manager_version": "",
        "processes": [],
        "accelerators": [],
        "problems": [],
    }
    for vendor, reader in VENDORS.items():
        path = find_tool(vendor)
        if not path:
            continue
        facts["vendor"] = facts["vendor"] or vendor
        try:
            found = reader.parse(run_tool([path, *reader.ARGUMENTS], timeout))
        except ToolError as error:
            facts["problems"].append(error.message.as_dict())
            continue
        if found["accelerators"]:
            facts.update(found, vendor=vendor)
            break
        no_device = Message("no-device", N_("`{tool}` works, but reports no accelerator."), tool=path)
        facts["problems"].append(no_device.as_dict())
    else:
        if not facts["problems"]:
            named = [reader.TOOL for reader in VENDORS.values()]
            facts["problems"].append(Message("no-tool", N_("None of {tools} is installed."), tools=named).as_dict())
    facts["problems"] += health(facts["accelerators"])
    return facts


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
        return module.get_bin_path(VENDORS[vendor].TOOL, required=False, opt_dirs=["/usr/local/bin", "/opt/rocm/bin"])

    facts = read_accelerators(find_tool, timeout)
    if facts["vendor"] == "nvidia":
        facts["fabric_manager_version"] = nvidia.fabric_manager_version(
            lambda name: module.get_bin_path(name, required=False), timeout
        )
    root = module.params["root"]
    facts.update(kernel_side(root, facts["vendor"]))
    for process in facts["processes"]:
        process["ours"] = belongs_to_inferfleet(process["pid"], root)
    module.exit_json(changed=False, ansible_facts={"inferfleet_accelerators": facts})


if __name__ == "__main__":
    main()
