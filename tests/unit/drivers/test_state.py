"""Driver problems and decisions, from recorded facts."""

import pytest

from inferfleet.drivers import driver_problems, install_needed, nvidia_flavour, restart_due

GPU = {"index": 0, "fabric_state": ""}
NONE = {"accelerators": [], "problems": [], "modules": [], "daemons": [], "pci": {"accelerators": [], "switches": []}}
HEALTHY = {
    **NONE,
    "accelerators": [GPU],
    "driver_version": "580.95.05",
    "module_version": "580.95.05",
    "library_version": "580.95.05",
}


def problems(code, message):
    return [{"code": code, "message": message}]


@pytest.mark.parametrize(
    ("facts", "vendor", "message"),
    [
        (HEALTHY, "nvidia", ""),
        (
            {**NONE, "problems": problems("no-tool", "None is installed.")},
            "nvidia",
            "Host n1 has no driver: nvidia-smi is not installed. Let the role nvidia_driver install it, or install it"
            " yourself and run the playbook again.",
        ),
        (
            {**NONE, "problems": problems("no-tool", "None is installed.")},
            "vastai",
            "Host n1 has no driver: vasmi is not installed. Let the role vastai_driver install it, or install it"
            " yourself and run the playbook again.",
        ),
        (
            {
                **NONE,
                "module_version": "570.124.06",
                "library_version": "570.133.20",
                "problems": problems(
                    "tool-failed",
                    "`nvidia-smi -q -x` exited with code 18: Failed to initialize NVML: Driver/library version"
                    " mismatch",
                ),
            },
            "nvidia",
            "Host n1 must be restarted: the loaded kernel module is 570.124.06, but the libraries are 570.133.20."
            " CUDA would return error 803 (cudaErrorSystemDriverMismatch) or hang. Set nvidia_driver_reboot to"
            " true, or restart the host yourself and run the playbook again.",
        ),
        (
            {**NONE, "modules": ["nouveau"], "problems": problems("no-device", "reports no accelerator.")},
            "nvidia",
            "Host n1 must be restarted: the driver nouveau uses the accelerators. CUDA would return error 803"
            " (cudaErrorSystemDriverMismatch) or hang. Set nvidia_driver_reboot to true, or restart the host"
            " yourself and run the playbook again.",
        ),
        (
            {
                **HEALTHY,
                "pci": {"accelerators": [], "switches": ["0000:86:00.0"] * 6},
                "accelerators": [{"fabric_state": "In Progress"}],
            },
            "nvidia",
            "Host n1 has 6 NVSwitches, but its fabric manager is not running: CUDA would return error 802"
            " (cudaErrorSystemNotReady). Check `journalctl -u nvidia-fabricmanager` there; its version must equal the"
            " driver's (580.95.05).",
        ),
        (
            {**HEALTHY, "pci": {"switches": ["0000:86:00.0"]}, "accelerators": [{"fabric_state": "Completed"}]},
            "nvidia",
            "",
        ),
        (
            {
                **NONE,
                "library_version": "580.95.05",
                "problems": problems(
                    "tool-failed",
                    "`nvidia-smi -q -x` exited with code 9: NVIDIA-SMI has failed because it couldn't"
                    " communicate with the NVIDIA driver.",
                ),
            },
            "nvidia",
            "The driver of host n1 is installed but not loaded: `nvidia-smi -q -x` exited with code 9: NVIDIA-SMI has"
            " failed because it couldn't communicate with the NVIDIA driver. Run `modprobe nvidia` and `dmesg | grep"
            " -i nvrm` there: the module may be missing for this kernel (headers, DKMS), unsigned (Secure Boot), or of"
            " a flavour that does not support the accelerator.",
        ),
        (
            {
                **NONE,
                "problems": problems(
                    "tool-hung", "`nvidia-smi -q -x` did not finish within 20 seconds; see the kernel log."
                ),
            },
            "nvidia",
            "The driver of host n1 does not respond: `nvidia-smi -q -x` did not finish within 20 seconds; see the"
            " kernel log. Check the kernel log there; if the tool hangs, restart the host.",
        ),
        (
            {**NONE, "problems": problems("no-device", "`rocm-smi` works, but reports no accelerator.")},
            "amd",
            "The kernel module amdgpu is not loaded on host n1. Restart the host after the driver installation, and"
            " check `dmesg | grep amdgpu` there.",
        ),
        (
            {**NONE, "accelerators": [GPU], "iommu": True},
            "vastai",
            "The IOMMU of host n1 is enabled, which prevents data exchange between Vastai accelerators. Disable it in"
            " the firmware, or with intel_iommu=off or amd_iommu=off on the kernel command line.",
        ),
    ],
)
def test_driver_problems_simulated(facts, vendor, message):
    assert " ".join(map(str, driver_problems("n1", facts, vendor, iommu_allowed=False))) == message


def test_driver_version_differs_from_the_setting():
    (problem,) = driver_problems("n1", HEALTHY, "nvidia", version="570")
    assert str(problem) == (
        "Host n1 has driver 580.95.05, but nvidia_driver_version is 570. Set nvidia_driver_version to 580.95.05, or"
        " install driver 570."
    )
    assert driver_problems("n1", HEALTHY, "nvidia", version="580") == []


@pytest.mark.parametrize(
    ("installed", "policy", "needed"),
    [
        ("", "missing", True),
        ("", "never", False),
        ("570.124.06", "missing", False),
        ("570.124.06", "upgrade", True),
        ("580.95.05", "upgrade", False),
        ("5800.1", "upgrade", True),
    ],
)
def test_working_driver_is_kept(installed, policy, needed):
    assert install_needed({"library_version": installed}, policy, "580", "") is needed


def test_exact_driver_version():
    assert install_needed({"driver_version": "580.65.06"}, "upgrade", "580", "580.95.05")
    assert not install_needed({"driver_version": "580.95.05"}, "upgrade", "580", "580.95.05")


@pytest.mark.parametrize(
    ("accelerator", "flavour"),
    [("V100-32G", "proprietary"), ("T4-16G", "open"), ("A800-80G", "open"), ("B200-180G", "open")],
)
def test_kernel_module_flavour(accelerator, flavour):
    assert nvidia_flavour(accelerator) == flavour


def test_no_restart_of_a_working_driver():
    assert restart_due(HEALTHY) is None
    assert restart_due({**NONE, "library_version": "580.95.05"}) is None
