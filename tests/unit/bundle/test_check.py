"""Whether a bundle suits a deployment."""

import pytest

from inferfleet.bundle import bundle_facts, check_bundle, make_index

SYSTEMS = {"n1": "debian-12-x86_64", "n2": "debian-12-x86_64"}
MAKE = "Make it with playbooks/bundle.yml and this inventory where there is internet access, and copy the folder here."
AGAIN = "Copy the bundle again from where it was made."


@pytest.fixture
def bundle(folder, about):
    make_index(folder, about)
    return folder


def check(bundle, images=("a/engine:1",), checkpoint="a/model", revision="main", systems=SYSTEMS):
    return [str(problem) for problem in check_bundle(bundle, images, checkpoint, revision, systems)]


def test_one_that_suits(bundle):
    assert check(bundle) == []
    assert check(bundle, checkpoint="") == []


def test_none(tmp_path):
    assert check(tmp_path) == [f"Variable offline_bundle is {tmp_path}, where no bundle.json can be read. {MAKE}"]


def test_one_of_another_time(bundle):
    index = bundle / "bundle.json"
    index.write_text(index.read_text().replace('"format": 1', '"format": 2'))
    assert check(bundle) == [f"The bundle {bundle} has format 2, but this is for format 1. {MAKE}"]


def test_what_it_lacks_is_named(bundle):
    systems = {**SYSTEMS, "n3": "ubuntu-22.04-aarch64"}
    assert check(bundle, images=["a/engine:1", "a/webui:2"], revision="v2", systems=systems) == [
        f"The bundle {bundle} has no image a/webui:2; it holds a/engine:1. {MAKE}",
        f"The bundle {bundle} has no packages for ubuntu-22.04-aarch64 (host n3); it has debian-12-x86_64. {MAKE}",
        f"The bundle {bundle} is for a/model (main), but the plan is a/model (v2). {MAKE}",
    ]


def test_a_file_that_is_gone(bundle):
    (bundle / "images/a_engine_1.tar").unlink()
    assert check(bundle) == [f"The bundle {bundle} is incomplete: images/a_engine_1.tar is missing. {AGAIN}"]


def test_a_file_that_was_cut_off(bundle):
    (bundle / "images/a_engine_1.tar").write_text("images")
    assert check(bundle) == [f"The bundle {bundle} is incomplete: images/a_engine_1.tar has 6 of 21 bytes. {AGAIN}"]


def test_packages_that_were_damaged(bundle):
    (bundle / "packages/debian-12-x86_64.tar").write_text("Packages/debian-12-x86_64.tar")
    assert check(bundle) == [
        f"The bundle {bundle} is damaged: packages/debian-12-x86_64.tar has another SHA-256 than its index. {AGAIN}"
    ]


def test_where_its_parts_lie(bundle):
    facts = bundle_facts(bundle, "a/model", "/node", "/etc/x")
    assert facts["images"] == {"a/engine:1": {"path": "/node/images/a_engine_1.tar", "layers": ["l"]}}
    assert facts["weights"] == str(bundle / "weights/a/model")
    assert facts["environment"]["PIP_FIND_LINKS"] == "/node/wheels"


def test_weights_that_it_does_not_hold_come_from_where_they_always_do(bundle):
    assert bundle_facts(bundle, "a/other", "/node", "/etc/x")["weights"] == ""
