"""Which image every node gets."""

import pytest

from inferfleet.nodes.images import (
    Reference,
    image_choice,
    image_difference,
    image_processor,
    image_source,
    parse,
)

NEW, OLD = "sha256:" + "a" * 64, "sha256:" + "b" * 64


def image(digest="", layers=("l1",), architecture="amd64", repository="docker.io/vllm/vllm-openai"):
    return {
        "RepoDigests": [f"{repository}@{digest}"] if digest else [],
        "RootFS": {"Layers": list(layers)},
        "Architecture": architecture,
    }


def chosen(found, **given):
    return image_choice(found, **given)


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("python", Reference("docker.io", "library/python", "latest", "")),
        ("vllm/vllm-openai:v0.17.1", Reference("docker.io", "vllm/vllm-openai", "v0.17.1", "")),
        ("ghcr.io/open-webui/open-webui:v0.6", Reference("ghcr.io", "open-webui/open-webui", "v0.6", "")),
        ("198.18.5.1:5000/inferfleet/x", Reference("198.18.5.1:5000", "inferfleet/x", "latest", "")),
        ("localhost/x:1", Reference("localhost", "x", "1", "")),
        (f"quay.io/a/b@{NEW}", Reference("quay.io", "a/b", "", NEW)),
        (f"a/b:1@{NEW}", Reference("docker.io", "a/b", "1", NEW)),
    ],
)
def test_a_name_is_taken_apart_as_docker_does(name, parts):
    assert parse(name) == parts


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("vllm/vllm-openai:v0.17.1", "registry.site:5000/hub/vllm/vllm-openai:v0.17.1"),
        ("quay.io/ascend/vllm-ascend:v0.23.0", "quay.io/ascend/vllm-ascend:v0.23.0"),
        (f"python@{NEW}", f"registry.site:5000/hub/library/python@{NEW}"),
    ],
)
def test_a_mirror_stands_for_a_registry(name, source):
    assert image_source(name, {"docker.io": "registry.site:5000/hub"})["name"] == source


def test_nothing_to_do_where_all_have_the_same():
    assert chosen({"n1": [image(NEW)], "n2": [image(NEW)]}) == {"lacking": [], "digest": "", "ask": False}


def test_the_registry_is_asked_where_nobody_has_it():
    nobody = {"n1": [], "n2": []}
    assert chosen(nobody)["ask"]
    assert chosen(nobody, asked=NEW) == {"lacking": ["n1", "n2"], "digest": NEW, "ask": False}


def test_a_registry_that_does_not_say_has_the_tag_pulled():
    assert chosen({"n1": [], "n2": []}, asked="") == {"lacking": ["n1", "n2"], "digest": "", "ask": False}


def test_a_node_that_joins_gets_what_the_others_have():
    assert chosen({"n1": [image(OLD)], "n2": []}) == {"lacking": ["n2"], "digest": OLD, "ask": False}


def test_a_node_with_another_image_gets_the_first_ones():
    found = {"n1": [image(OLD)], "n2": [image(NEW, ["l2"])]}
    assert chosen(found) == {"lacking": ["n2"], "digest": OLD, "ask": False}


def test_always_asks_and_brings_what_the_tag_means_now():
    found = {"n1": [image(OLD)], "n2": [image(NEW)]}
    assert chosen(found, pull="always")["ask"]
    assert chosen(found, pull="always", asked=NEW) == {"lacking": ["n1"], "digest": NEW, "ask": False}


def test_a_digest_in_the_name_is_what_they_get_from_whatever_repository():
    found = {"n1": [image(NEW, repository="mirror/x")], "n2": [image(OLD)], "n3": []}
    assert chosen(found, given=NEW) == {"lacking": ["n2", "n3"], "digest": NEW, "ask": False}


def test_an_image_loaded_by_hand_counts_where_all_have_it():
    assert chosen({"n1": [image()], "n2": [image()]})["lacking"] == []
    assert chosen({"n1": [image()], "n2": []})["ask"]


def test_images_of_two_architectures_may_differ():
    found = {"x86": [image(NEW)], "arm": [image(NEW, ["l9"], "arm64")]}
    assert chosen(found)["lacking"] == []
    assert image_difference("x", found) is None


def test_different_images_under_one_name_are_told():
    found = {"n1": [image()], "n2": [image(layers=["l2"])], "n3": [image()]}
    assert str(image_difference("a/b:1", found)) == (
        "a/b:1 is one image on n1, n3 and another on n2. Remove it there (`docker image rm a/b:1`) and run again, or"
        " set image_pull to always."
    )


def test_an_image_for_another_processor_is_told():
    assert image_processor("a/b:1", [image(architecture="arm64")], "aarch64", "n1") is None
    assert image_processor("a/b:1", [image()], "x86_64", "n1") is image_processor("a/b:1", [], "x86_64", "n1") is None
    assert str(image_processor("a/b:1", [image(architecture="arm64")], "x86_64", "n1")) == (
        "a/b:1 is for arm64, but the processor of n1 is amd64. Name an image for amd64 (engine_image, webui_image), or"
        " leave it empty to have the right one chosen."
    )
