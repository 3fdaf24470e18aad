"""Which image every node gets."""

import pytest

from inferfleet.nodes.images import (
    Reference,
    digest_of,
    holds_image,
    image_choice,
    image_difference,
    image_processor,
    image_pull_failure,
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
def test_image_names_are_parsed_as_docker_does(name, parts):
    assert parse(name) == parts


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("vllm/vllm-openai:v0.17.1", "registry.site:5000/hub/vllm/vllm-openai:v0.17.1"),
        ("quay.io/ascend/vllm-ascend:v0.23.0", "quay.io/ascend/vllm-ascend:v0.23.0"),
        (f"python@{NEW}", f"registry.site:5000/hub/library/python@{NEW}"),
    ],
)
def test_registry_is_replaced_by_its_mirror(name, source):
    assert image_source(name, {"docker.io": "registry.site:5000/hub"})["name"] == source


def test_nothing_to_pull_if_all_nodes_have_the_image():
    assert chosen({"n1": [image(NEW)], "n2": [image(NEW)]}) == {"lacking": [], "digest": "", "resolve": False}


def test_tag_is_resolved_if_no_node_has_the_image():
    nobody = {"n1": [], "n2": []}
    assert chosen(nobody)["resolve"]
    assert chosen(nobody, resolved=NEW) == {"lacking": ["n1", "n2"], "digest": NEW, "resolve": False}


def test_tag_is_pulled_if_the_registry_cannot_resolve_it():
    assert chosen({"n1": [], "n2": []}, resolved="") == {"lacking": ["n1", "n2"], "digest": "", "resolve": False}


def test_joining_node_gets_the_image_of_the_others():
    assert chosen({"n1": [image(OLD)], "n2": []}) == {"lacking": ["n2"], "digest": OLD, "resolve": False}


def test_differing_node_gets_the_image_of_the_first():
    found = {"n1": [image(OLD)], "n2": [image(NEW, ["l2"])]}
    assert chosen(found) == {"lacking": ["n2"], "digest": OLD, "resolve": False}


def test_pull_always_resolves_the_tag_again():
    found = {"n1": [image(OLD)], "n2": [image(NEW)]}
    assert chosen(found, pull="always")["resolve"]
    assert chosen(found, pull="always", resolved=NEW) == {"lacking": ["n1"], "digest": NEW, "resolve": False}


def test_pinned_digest_is_pulled_from_any_repository():
    found = {"n1": [image(NEW, repository="mirror/x")], "n2": [image(OLD)], "n3": []}
    assert chosen(found, pinned=NEW) == {"lacking": ["n2", "n3"], "digest": NEW, "resolve": False}


def test_manually_loaded_image_is_kept_if_all_nodes_have_it():
    assert chosen({"n1": [image()], "n2": [image()]})["lacking"] == []
    assert chosen({"n1": [image()], "n2": []})["resolve"]


def test_images_of_two_architectures_may_differ():
    found = {"x86": [image(NEW)], "arm": [image(NEW, ["l9"], "arm64")]}
    assert chosen(found)["lacking"] == []
    assert image_difference("x", found) is None


def test_different_images_under_one_name_are_reported():
    found = {"n1": [image()], "n2": [image(layers=["l2"])], "n3": [image()]}
    assert str(image_difference("a/b:1", found)) == (
        "Image a/b:1 differs between n1, n3 and n2. Remove it there (`docker image rm a/b:1`) and run the playbook"
        " again, or set image_pull to always."
    )


def test_image_for_another_architecture_is_reported():
    assert image_processor("a/b:1", [image(architecture="arm64")], "aarch64", "n1") is None
    assert image_processor("a/b:1", [image()], "x86_64", "n1") is image_processor("a/b:1", [], "x86_64", "n1") is None
    assert str(image_processor("a/b:1", [image(architecture="arm64")], "x86_64", "n1")) == (
        "Image a/b:1 is for arm64, but the architecture of n1 is amd64. Set engine_image or webui_image to an image for"
        " amd64, or leave it empty to select one automatically."
    )


@pytest.mark.parametrize(
    ("reason", "remedy"),
    [
        ("manifest unknown.", "Correct the image name (engine_image, webui_image), name a mirror in"),
        (
            "failed to register layer: Error processing tar file(exit status 1): write /a.so: no space left on device",
            "Free disk space in /data/docker on n2, for example with `docker image prune`, or set container_data_root",
        ),
        (
            "x509: certificate has expired or is not yet valid: current time 2023-01-01T00:04:11Z is before 2026-08-18",
            "Run `timedatectl` on n2 and correct its clock; if it is right, the registry's certificate has expired.",
        ),
        (
            'Get "https://registry-1.docker.io/v2/": proxyconnect tcp: dial tcp 10.0.0.9:3128: connect: refused',
            "Check that the proxy in http_proxy and https_proxy is correct",
        ),
    ],
)
def test_pull_failure_has_the_remedy_of_its_reason(reason, remedy):
    problem = image_pull_failure("a/b:1", reason, "n2", "/data/docker")
    assert str(problem).startswith(
        f"n2 cannot pull a/b:1: {reason.rstrip('.')}. The running containers were not changed."
    )
    assert problem.remedy.startswith(remedy)


@pytest.mark.parametrize(
    ("recorded", "held"),
    [
        (f"docker.io/vllm/vllm-openai@{NEW}", True),
        (f"registry.site:5000/vllm-openai@{NEW}", True),  # the same content from a mirror
        (f"docker.io/vllm/vllm-openai@{OLD}", False),
        (OLD, True),
        (NEW, False),  # an id is no digest
    ],
)
def test_image_of_a_release_is_recognized_by_digest_or_id(recorded, held):
    assert holds_image([image(NEW) | {"Id": OLD}], recorded) is held
    assert not holds_image([], recorded)


def test_only_images_of_a_registry_have_a_digest_to_pull():
    assert (digest_of(f"a/b@{NEW}"), digest_of(NEW)) == (NEW, "")
