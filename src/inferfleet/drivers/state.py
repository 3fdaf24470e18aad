"""Problems of a node's driver, for all vendors; one problem per cause, each with its remedy."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from inferfleet.catalog import load_cuda_errors
from inferfleet.drivers.nvidia import restart_due
from inferfleet.messages import N_, Message, Problem

_TOOLS = {"nvidia": "nvidia-smi", "amd": "rocm-smi", "ascend": "npu-smi", "vastai": "vasmi"}
_BROKEN = ("tool-broken", "tool-hung", "tool-failed", "tool-invalid-output", "no-device", "no-tool")
_NO_KERNEL_SIDE = re.compile(r"couldn't communicate with the NVIDIA driver", re.IGNORECASE)


def driver_problems(
    host: str, facts: Mapping[str, Any], vendor: str, *, version: str = "", iommu_allowed: bool = True
) -> list[Problem]:
    """Return the problems of the driver of `host`; `facts` are those of accelerator_facts.

    `version` is the driver version that the inventory requires; empty for any.
    """
    problems = list(_tool_failure(host, facts, vendor))
    if vendor == "nvidia":
        problems = [*_nvidia(host, facts), *problems]
    if vendor == "amd" and facts.get("accelerators") == [] and "amdgpu" not in facts.get("modules", []):
        problems = [
            Problem(
                "driver-not-loaded",
                N_("The kernel module amdgpu is not loaded on host {host}."),
                N_("Restart the host after the driver installation, and check `dmesg | grep amdgpu` there."),
                host=host,
            )
        ]
    if vendor == "vastai" and not iommu_allowed and facts.get("iommu"):
        problems.append(
            Problem(
                "iommu-on",
                N_("The IOMMU of host {host} is enabled, which prevents data exchange between Vastai accelerators."),
                N_("Disable it in the firmware, or with intel_iommu=off or amd_iommu=off on the kernel command line."),
                host=host,
            )
        )
    has = str(facts.get("driver_version") or "")
    if version and has and has != version and not has.startswith(f"{version}."):
        problems.append(
            Problem(
                "driver-other-version",
                N_("Host {host} has driver {has}, but {variable} is {version}."),
                N_("Set {variable} to {has}, or install driver {version}."),
                host=host,
                has=has,
                variable=f"{vendor}_driver_version",
                version=version,
            )
        )
    return problems


def _nvidia(host: str, facts: Mapping[str, Any]) -> Iterator[Problem]:
    reason = restart_due(facts)
    if reason:
        mismatch = next(error for error in load_cuda_errors() if error.code == 803)
        yield Problem(
            "driver-restart-due",
            N_("Host {host} must be restarted: {reason}. CUDA would return error 803 ({name}) or hang."),
            N_("Set nvidia_driver_reboot to true, or restart the host yourself and run the playbook again."),
            host=host,
            reason=reason,
            name=mismatch.name,
        )
    pci = facts.get("pci") or {}
    states = {str(device.get("fabric_state", "")) for device in facts.get("accelerators", [])}
    if pci.get("switches") and "nv-fabricmanager" not in facts.get("daemons", []) and states != {"Completed"}:
        yield Problem(
            "fabric-manager",
            N_(
                "Host {host} has {count} NVSwitches, but its fabric manager is not running: CUDA would return error 802"
                " (cudaErrorSystemNotReady)."
            ),
            N_("Check `journalctl -u nvidia-fabricmanager` there; its version must equal the driver's ({version})."),
            host=host,
            count=len(pci["switches"]),
            version=facts.get("driver_version") or Message("", N_("see nvidia-smi")),
        )


def _tool_failure(host: str, facts: Mapping[str, Any], vendor: str) -> Iterator[Problem]:
    """Yield the reason why the vendor's tool reports no accelerator."""
    if facts.get("accelerators"):
        return
    tool = _TOOLS[vendor]
    for problem in facts.get("problems", []):
        code, message = problem.get("code", ""), str(problem.get("message", ""))
        reason = Message.from_dict(problem)
        if code not in _BROKEN:
            continue
        if vendor == "nvidia" and restart_due(facts):
            return  # more specific than the tool's message
        if code == "no-tool":
            yield Problem(
                "driver-missing",
                N_("Host {host} has no driver: {tool} is not installed."),
                N_("Let the role {role} install it, or install it yourself and run the playbook again."),
                host=host,
                tool=tool,
                role=f"{vendor}_driver",
            )
        elif _NO_KERNEL_SIDE.search(message):
            yield Problem(
                "driver-not-loaded",
                N_("The driver of host {host} is installed but not loaded: {reason}"),
                N_(
                    "Run `modprobe nvidia` and `dmesg | grep -i nvrm` there: the module may be missing for this kernel"
                    " (headers, DKMS), unsigned (Secure Boot), or of a flavour that does not support the accelerator."
                ),
                host=host,
                reason=reason,
            )
        else:
            yield Problem(
                "driver-broken",
                N_("The driver of host {host} does not respond: {reason}"),
                N_("Check the kernel log there; if the tool hangs, restart the host."),
                host=host,
                reason=reason,
            )
        return
