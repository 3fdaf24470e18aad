"""The image of `vllm bench serve`."""

import pytest

from inferfleet.bench.client import client_image, client_version, image_digests, runs_vllm
from inferfleet.engines import load_engines


def plan(engine, image="registry/engine:1", version="1"):
    return {"engine": engine, "image": image, "engine_version": version}


@pytest.mark.parametrize("engine", load_engines())
def test_client_image_of_every_engine_contains_vllm(engine):
    image = client_image(plan(engine))
    if engine in ("vllm", "vllm_vacc"):
        assert (image, runs_vllm(plan(engine))) == ("registry/engine:1", True)
    else:
        assert (image, runs_vllm(plan(engine))) == ("vllm/vllm-openai-cpu:v0.32.0", False)


def test_client_version():
    assert client_version(plan("vllm", "mine", "0.17.1"), "mine") == "0.17.1"
    assert client_version(plan("sglang"), "vllm/vllm-openai-cpu:v0.32.0") == "0.32.0"
    assert client_version(plan("vllm", "mine", "0.17.1"), "vllm/vllm-openai:v0.8.5.post1") == "0.8.5.post1"
    assert client_version(plan("vllm_vacc", "mine", "AI3.2"), "mine") == ""


def test_image_digests():
    images = [
        {"Id": "sha256:1", "RepoTags": ["a:1"], "RepoDigests": ["a@sha256:aa"]},
        {"Id": "sha256:2", "RepoTags": ["b:1"], "RepoDigests": []},
    ]
    assert image_digests(images, ["a:1", "b:1", "c:1", "a@sha256:aa"]) == {
        "a:1": "sha256:aa",
        "b:1": "sha256:2",
        "a@sha256:aa": "sha256:aa",
    }
