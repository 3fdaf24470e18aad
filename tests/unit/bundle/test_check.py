"""Validation of a bundle against a deployment."""

import pytest

from inferfleet.bundle import bundle_facts, check_bundle, make_index

SYSTEMS = {"n1": "debian-12-x86_64", "n2": "debian-12-x86_64"}
CREATE = (
    "Create it with playbooks/bundle.yml and this inventory on a machine with internet access, and copy the folder"
    " here."
)
COPY = "Copy the bundle again from the machine where it was created."


@pytest.fixture
def bundle(folder, about):
    make_index(folder, about)
    return folder


def check(bundle, images=("a/engine:1",), checkpoint="a/model", revision="main", systems=SYSTEMS):
    return [str(problem) for problem in check_bundle(bundle, images, checkpoint, revision, systems)]


def test_valid_bundle(bundle):
    assert check(bundle) == []
    assert check(bundle, checkpoint="") == []


def test_missing_index(tmp_path):
    assert check(tmp_path) == [
        f"Variable offline_bundle is {tmp_path}, where bundle.json is missing or cannot be read. {CREATE}"
    ]


def test_unsupported_format(bundle):
    index = bundle / "bundle.json"
    index.write_text(index.read_text().replace('"format": 1', '"format": 2'))
    assert check(bundle) == [
        f"The bundle {bundle} has format 2, but this version of inferfleet requires format 1. {CREATE}"
    ]


def test_missing_parts_are_reported(bundle):
    systems = {**SYSTEMS, "n3": "ubuntu-22.04-aarch64"}
    assert check(bundle, images=["a/engine:1", "a/webui:2"], revision="v2", systems=systems) == [
        f"The bundle {bundle} has no image a/webui:2; it contains a/engine:1. {CREATE}",
        f"The bundle {bundle} has no packages for ubuntu-22.04-aarch64 (host n3); it contains packages for"
        f" debian-12-x86_64. {CREATE}",
        f"The bundle {bundle} contains a/model (main), but the plan requires a/model (v2). {CREATE}",
    ]


def test_missing_file(bundle):
    (bundle / "images/a_engine_1.tar").unlink()
    assert check(bundle) == [f"The bundle {bundle} is incomplete: images/a_engine_1.tar is missing. {COPY}"]


def test_truncated_file(bundle):
    (bundle / "images/a_engine_1.tar").write_text("images")
    assert check(bundle) == [f"The bundle {bundle} is incomplete: images/a_engine_1.tar has 6 of 21 bytes. {COPY}"]


def test_damaged_package_archive(bundle):
    (bundle / "packages/debian-12-x86_64.tar").write_text("Packages/debian-12-x86_64.tar")
    assert check(bundle) == [
        f"The bundle {bundle} is damaged: the SHA-256 of packages/debian-12-x86_64.tar differs from its index. {COPY}"
    ]


def test_paths_of_the_parts(bundle):
    facts = bundle_facts(bundle, "a/model", "/node", "/etc/x")
    assert facts["images"] == {"a/engine:1": {"path": "/node/images/a_engine_1.tar", "layers": ["l"]}}
    assert facts["weights"] == str(bundle / "weights/a/model")
    assert facts["environment"]["PIP_FIND_LINKS"] == "/node/wheels"


def test_weights_missing_from_the_bundle_have_no_path(bundle):
    assert bundle_facts(bundle, "a/other", "/node", "/etc/x")["weights"] == ""
