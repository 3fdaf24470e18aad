"""Packages and sources of container_runtime on every host system."""

import pytest

NAMES = [
    "__container_runtime_manager",
    "__container_runtime_packages",
    "__container_runtime_toolkit_packages",
    "__container_runtime_repositories",
    "__container_runtime_settings",
    "__container_runtime_held",
    "__container_runtime_source",
]
PLAN = {"vendor": "nvidia", "nodes": {}, "image": "x", "container": {}}
GIVEN = {
    "container_data_root": "/data/docker",
    "registry_mirrors": ["https://mirror"],
    "insecure_registries": [],
    "cluster_network": "10.30.0.0/24",
    "__container_runtime_interfaces": {},
}


@pytest.fixture(scope="module")
def of(rendered):
    def render(vendor="cpu", **variables):
        facts = {"inferfleet_plan": PLAN}
        given = {**GIVEN, **variables, "__container_runtime_vendor": vendor}
        found = rendered("container_runtime", NAMES, facts=facts, variables=given)
        prefix = "__container_runtime_"
        return {host: {k.removeprefix(prefix): v for k, v in values.items()} for host, values in found.items()}

    return render


@pytest.fixture(scope="module")
def plain(of):
    return of()


@pytest.fixture(scope="module")
def nvidia(of):
    return of(
        vendor="nvidia",
        container_runtime_source="docker",
        container_runtime_version="26.1.3",
        container_runtime_nvidia_version="1.17.8-1",
    )


@pytest.mark.parametrize(
    ("host", "manager", "packages", "source"),
    [
        ("debian11", "apt", ["docker.io"], "distribution"),
        ("debian12", "apt", ["docker.io"], "distribution"),
        ("debian13", "apt", ["docker.io", "docker-cli"], "distribution"),
        ("ubuntu2204", "apt", ["docker.io"], "distribution"),
        ("ubuntu2404", "apt", ["docker.io"], "distribution"),
        ("rocky9", "dnf", ["docker-ce", "docker-ce-cli", "containerd.io"], "docker"),
        ("openeuler2203", "dnf", ["docker-engine"], "distribution"),
        ("kylinv10", "dnf", ["docker-engine"], "distribution"),
    ],
)
def test_packages_of_the_distribution(plain, host, manager, packages, source):
    found = plain[host]
    assert (found["manager"], found["packages"], found["source"]) == (manager, packages, source)
    assert found["toolkit_packages"] == []
    assert set(packages) <= set(found["held"])
    assert [repository["name"] for repository in found["repositories"]] == (["docker"] if source == "docker" else [])


@pytest.mark.parametrize(
    ("host", "url", "suite"),
    [
        ("debian11", "https://download.docker.com/linux/debian", "bullseye"),
        ("debian12", "https://download.docker.com/linux/debian", "bookworm"),
        ("debian13", "https://download.docker.com/linux/debian", "trixie"),
        ("ubuntu2204", "https://download.docker.com/linux/ubuntu", "jammy"),
        ("ubuntu2404", "https://download.docker.com/linux/ubuntu", "noble"),
        ("rocky9", "https://download.docker.com/linux/centos/9/$basearch/stable", "/"),
        ("openeuler2203", "https://download.docker.com/linux/centos/9/$basearch/stable", "/"),
        ("kylinv10", "https://download.docker.com/linux/centos/8/$basearch/stable", "/"),
    ],
)
def test_docker_and_nvidia_repositories(nvidia, host, url, suite):
    docker, toolkit = nvidia[host]["repositories"]
    kind = "deb" if nvidia[host]["manager"] == "apt" else "rpm"
    assert (docker["url"], docker["suites"]) == (url, suite)
    assert docker["key"] == f"{url.split('/linux/')[0]}/linux/{url.split('/')[4]}/gpg"
    arch = "$(ARCH)" if kind == "deb" else "$basearch"
    assert toolkit == {
        "name": "nvidia-container-toolkit",
        "url": f"https://nvidia.github.io/libnvidia-container/stable/{kind}/{arch}",
        "key": "https://nvidia.github.io/libnvidia-container/gpgkey",
        "suites": "/",
        "components": "",
    }


@pytest.mark.parametrize("host", ["debian12", "rocky9"])
def test_pinned_packages(nvidia, host):
    pin, pinned = ("=*26.1.3*", "=*1.17.8-1*") if host == "debian12" else ("-26.1.3*", "-1.17.8-1*")
    assert nvidia[host]["packages"] == [f"docker-ce{pin}", f"docker-ce-cli{pin}", "containerd.io"]
    assert nvidia[host]["toolkit_packages"] == [
        f"nvidia-container-toolkit{pinned}",
        f"nvidia-container-toolkit-base{pinned}",
        f"libnvidia-container-tools{pinned}",
        f"libnvidia-container1{pinned}",
    ]
    assert "nvidia-container-toolkit" in nvidia[host]["held"]


def test_docker_configuration(plain):
    assert plain["debian12"]["settings"] == {
        "data-root": "/data/docker",
        "registry-mirrors": ["https://mirror"],
        "insecure-registries": [],
        "log-driver": "json-file",
        "log-opts": {"max-size": "100m", "max-file": "5"},
        "live-restore": True,
        "default-address-pools": [],
    }


def test_docker_configuration_with_nvidia(nvidia):
    assert nvidia["debian12"]["settings"]["runtimes"] == {"nvidia": {"path": "nvidia-container-runtime"}}
    assert nvidia["debian12"]["settings"]["exec-opts"] == []


def test_other_installation_sources(of):
    found = of(
        vendor="nvidia",
        container_runtime_source="docker",
        container_runtime_repository_url="https://mirrors.aliyun.com/docker-ce/linux/debian",
        container_runtime_nvidia_mode="cdi",
        container_runtime_nvidia_reload_fix="cgroupfs",
        container_runtime_options={"features": {"containerd-snapshotter": True}},
    )["debian12"]
    assert found["repositories"][0]["url"] == "https://mirrors.aliyun.com/docker-ce/linux/debian"
    assert found["repositories"][0]["key"] == "https://download.docker.com/linux/debian/gpg"
    other = found["settings"]
    assert other["exec-opts"] == ["native.cgroupdriver=cgroupfs"]
    assert other["runtimes"] == {}
    assert other["features"] == {"containerd-snapshotter": True, "cdi": True}
