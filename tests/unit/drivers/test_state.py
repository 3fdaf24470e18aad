"""What is wrong with a driver, from recorded facts, and what is to be done about it."""

import pytest

from inferfleet.drivers import driver_problems, install_needed, nvidia_flavour, restart_due

GPU = {"index": 0, "fabric_state": ""}
NONE = {"accelerators": [], "problems": [], "modules": [], "daemons": [], "pci": {"accelerators": [], "switches": []}}
WELL = {
    **NONE,
    "accelerators": [GPU],
    "driver_version": "580.95.05",
    "module_version": "580.95.05",
    "library_version": "580.95.05",
}


def said(code, message):
    return [{"code": code, "message": message}]


@pytest.mark.parametrize(
    ("facts", "vendor", "message"),
    [
        (WELL, "nvidia", ""),
        (
            {**NONE, "problems": said("no-tool", "None is installed.")},
            "nvidia",
            "Host n1 has no driver: nvidia-smi is not there. Let the role nvidia_driver install it, or install it"
            " and run the playbook again.",
        ),
        (
            {**NONE, "problems": said("no-tool", "None is installed.")},
            "vastai",
            "Host n1 has no driver: vasmi is not there. Let the role vastai_driver install it, or install it and run"
            " the playbook again.",
        ),
        (
            {
                **NONE,
                "module_version": "570.124.06",
                "library_version": "570.133.20",
                "problems": said(
                    "tool-failed",
                    "`nvidia-smi -q -x` left with 18: Failed to initialize NVML: Driver/library version mismatch",
                ),
            },
            "nvidia",
            "Host n1 must be restarted: the kernel runs driver 570.124.06 and the libraries are 570.133.20. CUDA would"
            " answer with error 803 (cudaErrorSystemDriverMismatch) or none at all. Set nvidia_driver_reboot to"
            " true, or restart it yourself and run the playbook again.",
        ),
        (
            {**NONE, "modules": ["nouveau"], "problems": said("no-device", "shows no accelerator.")},
            "nvidia",
            "Host n1 must be restarted: nouveau holds the accelerators. CUDA would answer with error 803"
            " (cudaErrorSystemDriverMismatch) or none at all. Set nvidia_driver_reboot to true, or restart it"
            " yourself and run the playbook again.",
        ),
        (
            {
                **WELL,
                "pci": {"accelerators": [], "switches": ["0000:86:00.0"] * 6},
                "accelerators": [{"fabric_state": "In Progress"}],
            },
            "nvidia",
            "Host n1 has 6 NVSwitches, but its fabric manager does not run: CUDA would answer with error 802"
            " (cudaErrorSystemNotReady). Read `journalctl -u nvidia-fabricmanager` there; it must be of exactly the"
            " driver's version (580.95.05).",
        ),
        (
            {**WELL, "pci": {"switches": ["0000:86:00.0"]}, "accelerators": [{"fabric_state": "Completed"}]},
            "nvidia",
            "",
        ),
        (
            {
                **NONE,
                "library_version": "580.95.05",
                "problems": said(
                    "tool-failed",
                    "`nvidia-smi -q -x` left with 9: NVIDIA-SMI has failed because it couldn't"
                    " communicate with the NVIDIA driver.",
                ),
            },
            "nvidia",
            "Host n1 has a driver that is not loaded: `nvidia-smi -q -x` left with 9: NVIDIA-SMI has failed because it"
            " couldn't communicate with the NVIDIA driver. Run `modprobe nvidia` and `dmesg | grep -i nvrm` there: the"
            " module may lack for this kernel (headers, DKMS), not be signed (Secure Boot), or not know the accelerator"
            " (another flavour).",
        ),
        (
            {
                **NONE,
                "problems": said(
                    "tool-hung", "`nvidia-smi -q -x` did not answer within 20 seconds; see the kernel log."
                ),
            },
            "nvidia",
            "The driver of host n1 does not answer: `nvidia-smi -q -x` did not answer within 20 seconds; see the"
            " kernel log. Read the kernel log there; a restart is needed where the tool hangs.",
        ),
        (
            {**NONE, "problems": said("no-device", "`rocm-smi` works, but shows no accelerator.")},
            "amd",
            "Host n1 has not loaded the kernel module amdgpu. Restart it after the driver was installed, and read"
            " `dmesg | grep amdgpu` there.",
        ),
        (
            {**NONE, "accelerators": [GPU], "iommu": True},
            "vastai",
            "The IOMMU of host n1 is on, with which Vastai's accelerators do not exchange data. Switch it off in the"
            " firmware, or with intel_iommu=off or amd_iommu=off on the kernel's command line.",
        ),
    ],
)
def test_problems_simulated(facts, vendor, message):
    assert " ".join(map(str, driver_problems("n1", facts, vendor, iommu_allowed=False))) == message


def test_another_version_than_asked_for():
    (problem,) = driver_problems("n1", WELL, "nvidia", version="570")
    assert str(problem) == (
        "Host n1 has driver 580.95.05, but nvidia_driver_version is 570. Set nvidia_driver_version to 580.95.05, or"
        " install driver 570."
    )
    assert driver_problems("n1", WELL, "nvidia", version="580") == []


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
def test_a_working_driver_is_left_alone(installed, policy, needed):
    assert install_needed({"library_version": installed}, policy, "580", "") is needed


def test_an_exact_version():
    assert install_needed({"driver_version": "580.65.06"}, "upgrade", "580", "580.95.05")
    assert not install_needed({"driver_version": "580.95.05"}, "upgrade", "580", "580.95.05")


@pytest.mark.parametrize(
    ("accelerator", "flavour"),
    [("V100-32G", "proprietary"), ("T4-16G", "open"), ("A800-80G", "open"), ("B200-180G", "open")],
)
def test_flavours(accelerator, flavour):
    assert nvidia_flavour(accelerator) == flavour


def test_no_restart_where_all_is_well():
    assert restart_due(WELL) is None
    assert restart_due({**NONE, "library_version": "580.95.05"}) is None
