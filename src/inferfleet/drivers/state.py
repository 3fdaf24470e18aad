"""What is wrong with a node's driver, whatever the vendor; one message a cause, each with its remedy."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from inferfleet.catalog import load_cuda_errors
from inferfleet.drivers.nvidia import restart_due
from inferfleet.messages import Problem

_TOOLS = {"nvidia": "nvidia-smi", "amd": "rocm-smi", "ascend": "npu-smi", "vastai": "vasmi"}
_BROKEN = ("tool-broken", "tool-hung", "tool-failed", "tool-garbage", "no-device", "no-tool")
_NO_KERNEL_SIDE = re.compile(r"couldn't communicate with the NVIDIA driver", re.IGNORECASE)


def driver_problems(
    host: str, facts: Mapping[str, Any], vendor: str, *, version: str = "", iommu_allowed: bool = True
) -> list[Problem]:
    """Return what keeps the driver of `host` from serving; `facts` are those of accelerator_facts.

    `version` is the driver that the inventory asks for, empty where any will do.
    """
    found = list(_silent(host, facts, vendor))
    if vendor == "nvidia":
        found = [*_nvidia(host, facts), *found]
    if vendor == "amd" and facts.get("accelerators") == [] and "amdgpu" not in facts.get("modules", []):
        found = [
            Problem(
                "driver-not-loaded",
                f"Host {host} has not loaded the kernel module amdgpu.",
                "Restart it after the driver was installed, and read `dmesg | grep amdgpu` there.",
            )
        ]
    if vendor == "vastai" and not iommu_allowed and facts.get("iommu"):
        found.append(
            Problem(
                "iommu-on",
                f"The IOMMU of host {host} is on, with which Vastai's accelerators do not exchange data.",
                "Switch it off in the firmware, or with intel_iommu=off or amd_iommu=off on the kernel's command line.",
            )
        )
    has = str(facts.get("driver_version") or "")
    if version and has and has != version and not has.startswith(f"{version}."):
        found.append(
            Problem(
                "driver-other-version",
                f"Host {host} has driver {has}, but {vendor}_driver_version is {version}.",
                f"Set {vendor}_driver_version to {has}, or bring the driver to {version}.",
            )
        )
    return found


def _nvidia(host: str, facts: Mapping[str, Any]) -> Iterator[Problem]:
    why = restart_due(facts)
    if why:
        mismatch = next(error for error in load_cuda_errors() if error.code == 803)
        yield Problem(
            "driver-restart-due",
            f"Host {host} must be restarted: {why}. CUDA would answer with error 803 ({mismatch.name}) or none at all.",
            "Set nvidia_driver_reboot to true, or restart it yourself and run the playbook again.",
        )
    pci = facts.get("pci") or {}
    states = {str(device.get("fabric_state", "")) for device in facts.get("accelerators", [])}
    if pci.get("switches") and "nv-fabricmanager" not in facts.get("daemons", []) and states != {"Completed"}:
        yield Problem(
            "fabric-manager",
            f"Host {host} has {len(pci['switches'])} NVSwitches, but its fabric manager does not run: CUDA would answer"
            " with error 802 (cudaErrorSystemNotReady).",
            "Read `journalctl -u nvidia-fabricmanager` there; it must be of exactly the driver's version"
            f" ({facts.get('driver_version') or 'see nvidia-smi'}).",
        )


def _silent(host: str, facts: Mapping[str, Any], vendor: str) -> Iterator[Problem]:
    """Yield why the vendor's tool shows nothing."""
    if facts.get("accelerators"):
        return
    tool = _TOOLS[vendor]
    for problem in facts.get("problems", []):
        code, message = problem.get("code", ""), str(problem.get("message", ""))
        if code not in _BROKEN:
            continue
        if vendor == "nvidia" and restart_due(facts):
            return  # says more than the tool
        if code == "no-tool":
            yield Problem(
                "driver-missing",
                f"Host {host} has no driver: {tool} is not there.",
                f"Let the role {vendor}_driver install it, or install it and run the playbook again.",
            )
        elif _NO_KERNEL_SIDE.search(message):
            yield Problem(
                "driver-not-loaded",
                f"Host {host} has a driver that is not loaded: {message}",
                "Run `modprobe nvidia` and `dmesg | grep -i nvrm` there: the module may lack for this kernel (headers,"
                " DKMS), not be signed (Secure Boot), or not know the accelerator (another flavour).",
            )
        else:
            yield Problem(
                "driver-broken",
                f"The driver of host {host} does not answer: {message}",
                "Read the kernel log there; a restart is needed where the tool hangs.",
            )
        return
