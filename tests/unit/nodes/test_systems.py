"""Operating systems by the catalog: which one a node has, whether it is supported, and what holds from a release on."""

import pytest

from inferfleet.catalog.system import load_systems
from inferfleet.nodes import package_manager, supported, system_entry, system_images, system_key, system_of
from inferfleet.nodes.systems import numbers


def release(name, version, like="", codename=""):
    return {"id": name, "id_like": like, "version_id": version, "version_codename": codename}


@pytest.mark.parametrize(
    ("system", "entry"),
    [
        (release("debian", "12"), "Debian"),
        (release("linuxmint", "21", "ubuntu debian"), "Ubuntu"),
        (release("ol", "9.4", "fedora"), "Rocky Linux"),
        (release("tencentos", "4", "rhel centos fedora"), "Rocky Linux"),
        (release("kylin", "v10"), "Kylin"),
        (release("alpine", "3.20"), None),
        (release("", ""), None),
    ],
)
def test_the_entry_of_a_node(system, entry):
    found = system_of(system)
    assert (found and found.title) == entry


@pytest.mark.parametrize(
    ("system", "expected"),
    [
        (release("debian", "11"), True),
        (release("debian", "10"), False),
        (release("rocky", "8.10", "rhel centos fedora"), False),
        (release("linuxmint", "21", "ubuntu"), True),
        (release("debian", ""), True),
        (release("alpine", "3.20"), False),
    ],
)
def test_supported_releases(system, expected):
    assert supported(system) is expected


@pytest.mark.parametrize(
    ("system", "packages"),
    [
        (release("debian", "12"), ["docker.io"]),
        (release("debian", "13"), ["docker.io", "docker-cli"]),
        (release("debian", ""), ["docker.io", "docker-cli"]),
        (release("deepin", "20", "debian"), ["docker.io", "docker-cli"]),
    ],
)
def test_a_release_changes_what_it_names(system, packages):
    assert system_entry(system, "docker")["distribution"] == packages


def test_placeholders_are_filled_in():
    docker = system_entry(release("rocky", "9.4", "rhel"), "docker")
    assert docker["repository"]["url"] == "https://download.docker.com/linux/centos/9/$basearch/stable"
    amd = system_entry(release("ubuntu", "24.04", codename="noble"), "amd_driver", release="6.4")
    assert (amd["suites"], amd["repositories"]["rocm"]) == ("noble", "rocm/apt/6.4")


def test_an_unknown_system_is_an_error_that_names_it():
    with pytest.raises(LookupError, match="alpine"):
        package_manager(release("alpine", "3.20"))


@pytest.mark.parametrize(
    ("system", "key"),
    [(release("rocky", "9.4"), "rocky-9-x86_64"), (release("ubuntu", "22.04"), "ubuntu-22.04-x86_64")],
)
def test_nodes_that_use_the_same_packages(system, key):
    assert system_key(system, "x86_64") == key


@pytest.mark.parametrize("name", sorted(load_systems()))
def test_every_entry_holds_for_all_its_releases(name):
    entry = load_systems()[name]
    for version in (entry.oldest, *entry.since):
        node = release(name, version, codename="codename")
        assert system_of(node)
        values = dict.fromkeys(("branch", "pin", "driver_major", "kernel", "architecture", "deb_architecture"), "x")
        assert system_entry(node, "nvidia_driver", **values)["headers"]
        assert system_entry(node, "docker")["docker"]
    assert all(numbers(image.rpartition("-")[2]) >= numbers(entry.oldest) for image in entry.images)


def test_images_for_bundles():
    assert system_images()["rocky-9"] == "rockylinux/rockylinux:9"
