"""Packages and sources of nvidia_driver on every host system."""

import pytest

NAMES = [
    "__nvidia_driver_manager",
    "__nvidia_driver_url",
    "__nvidia_driver_key",
    "__nvidia_driver_pin",
    "__nvidia_driver_installed",
    "__nvidia_driver_fabric_manager",
    "__nvidia_driver_initramfs",
    "__nvidia_driver_modules",
    "__nvidia_driver_by_system",
]
CUDA = "https://developer.download.nvidia.com/compute/cuda/repos"
FACTS = {
    "inferfleet_plan": {"accelerator": "A800-80G", "vendor": "nvidia", "nodes": {}},
    "inferfleet_node": {"architecture": "x86_64", "container": False},
    "inferfleet_accelerators": {
        "driver_version": "",
        "kernel": "5.15.0-101-generic",
        "pci": {"accelerators": [], "switches": []},
    },
}


@pytest.fixture(scope="module")
def of(rendered):
    def render(accelerator="A800-80G", **variables):
        facts = {**FACTS, "inferfleet_plan": {**FACTS["inferfleet_plan"], "accelerator": accelerator}}
        found = rendered("nvidia_driver", NAMES, facts=facts, variables=variables)
        prefix = "__nvidia_driver_"
        return {host: {k.removeprefix(prefix): v for k, v in values.items()} for host, values in found.items()}

    return render


@pytest.fixture(scope="module")
def opened(of):
    return of()


@pytest.fixture(scope="module")
def volta(of):
    return of("V100-32G", nvidia_driver_version="580.95.05", nvidia_driver_repository_url="https://mirror/cuda")


@pytest.mark.parametrize(
    ("host", "folder", "key", "pin", "open_", "proprietary"),
    [
        ("debian12", "debian12", "3bf863cc.pub", ["nvidia-driver-pinning-580"], ["nvidia-open"], ["cuda-drivers"]),
        ("debian13", "debian13", "8793F200.pub", ["nvidia-driver-pinning-580"], ["nvidia-open"], ["cuda-drivers"]),
        ("ubuntu2204", "ubuntu2204", "3bf863cc.pub", ["nvidia-driver-pinning-580"], ["nvidia-open"], ["cuda-drivers"]),
        ("ubuntu2404", "ubuntu2404", "3bf863cc.pub", ["nvidia-driver-pinning-580"], ["nvidia-open"], ["cuda-drivers"]),
        ("rocky9", "rhel9", "D42D0685.pub", [], ["@nvidia-driver:580-open"], ["@nvidia-driver:580-dkms"]),
        ("kylinv10", "kylin10", "D42D0685.pub", [], ["@nvidia-driver:580-open"], ["@nvidia-driver:580-dkms"]),
    ],
)
def test_nvidia_repository(opened, volta, host, folder, key, pin, open_, proprietary):
    found = opened[host]
    assert found["url"] == f"{CUDA}/{folder}/x86_64"
    assert found["key"] == f"{CUDA}/{folder}/x86_64/{key}"
    assert (found["modules"], found["pin"], found["installed"]) == ("open", pin, open_)
    assert (volta[host]["modules"], volta[host]["installed"]) == ("proprietary", proprietary)
    assert volta[host]["pin"] == [f"{name.removesuffix('580')}580.95.05" for name in pin]
    assert (volta[host]["url"], volta[host]["key"]) == ("https://mirror/cuda", f"https://mirror/cuda/{key}")


@pytest.mark.parametrize(
    ("host", "manager", "headers", "initramfs"),
    [
        ("debian12", "apt", "linux-headers-amd64", ["update-initramfs", "-u"]),
        ("debian13", "apt", "linux-headers-amd64", ["update-initramfs", "-u"]),
        ("ubuntu2204", "apt", "linux-headers-5.15.0-101-generic", ["update-initramfs", "-u"]),
        ("ubuntu2404", "apt", "linux-headers-5.15.0-101-generic", ["update-initramfs", "-u"]),
        ("rocky9", "dnf", "kernel-devel-5.15.0-101-generic", ["dracut", "--force"]),
        ("openeuler2203", "dnf", "kernel-devel-5.15.0-101-generic", ["dracut", "--force"]),
        ("kylinv10", "dnf", "kernel-devel-5.15.0-101-generic", ["dracut", "--force"]),
    ],
)
def test_module_build_dependencies(opened, host, manager, headers, initramfs):
    found = opened[host]
    assert (found["manager"], found["by_system"]["headers"][0], found["initramfs"]) == (manager, headers, initramfs)


def test_distribution_packages(opened):
    own = {host: found["by_system"]["packages"]["distribution"] for host, found in opened.items()}
    assert (
        own["ubuntu2204"]
        == own["ubuntu2404"]
        == {
            "open": ["nvidia-driver-580-server-open", "nvidia-utils-580-server"],
            "proprietary": ["nvidia-driver-580-server", "nvidia-utils-580-server"],
        }
    )
    assert own["debian12"]["open"] == ["nvidia-driver", "nvidia-open-kernel-dkms", "nvidia-smi", "nvidia-persistenced"]
    assert {host for host, packages in own.items() if not packages["open"]} == {"rocky9", "openeuler2203", "kylinv10"}


def test_openeuler_driver_from_a_folder(opened):
    assert opened["openeuler2203"]["installed"] == []


@pytest.mark.parametrize(
    ("host", "package"),
    [
        ("debian12", "nvidia-fabricmanager-580"),
        ("ubuntu2404", "nvidia-fabricmanager-580"),
        ("rocky9", "nvidia-fabricmanager"),
        ("kylinv10", "nvidia-fabricmanager"),
        ("openeuler2203", ""),
    ],
)
def test_fabric_manager(opened, host, package):
    assert opened[host]["fabric_manager"] == package
