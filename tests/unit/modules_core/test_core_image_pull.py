"""Images are pulled through Docker's API, and the progress is written for image_progress."""

import base64
import json
import os

import pytest

pytestmark = pytest.mark.slow  # each test starts a server and the module

NAME = "registry.example.com:5000/team/engine:v1"
IMAGE = {"Id": "sha256:1", "RepoTags": [NAME]}
TOTAL = 12_000_000_000
START = (
    {"status": "Pulling from team/engine", "id": "v1"},
    *({"status": "Pulling fs layer", "progressDetail": {}, "id": layer} for layer in "abc"),
    {"status": "Already exists", "progressDetail": {}, "id": "d"},
    {"status": "Waiting", "progressDetail": {}, "id": "c"},
    {"status": "Downloading", "progressDetail": {"current": 10, "total": 3_000_000_000}, "id": "a"},
    {"status": "Download complete", "progressDetail": {}, "id": "b"},
)
LOADED = (
    {"status": "Downloading", "progressDetail": {"current": 1_000_000_000, "total": 9_000_000_000}, "id": "c"},
    {"status": "Downloading", "progressDetail": {"current": 2_000_000_000, "total": 3_000_000_000}, "id": "a"},
)
END = (
    *({"status": "Download complete", "progressDetail": {}, "id": layer} for layer in "ac"),
    {"status": "Extracting", "progressDetail": {"current": 7, "total": 3_000_000_000}, "id": "a"},
    {"status": "Pull complete", "progressDetail": {}, "id": "a"},
)


@pytest.fixture
def docker(service, tmp_path, monkeypatch):
    """A fake Docker daemon that has no image, and the environment of a module that uses it."""
    (tmp_path / "config.json").write_text("{}")
    for version in ("", "/v1.45"):
        service.answers[f"{version}/version"] = (200, {"ApiVersion": "1.45", "MinAPIVersion": "1.24"})
        service.answers[f"{version}/images/json"] = (200, [])
    service.env = {
        **os.environ,
        "DOCKER_HOST": service.url.replace("http", "tcp"),
        "DOCKER_CONFIG": str(tmp_path),
    }
    service.folder = tmp_path
    return service


def answer(docker, *messages, images=()):
    docker.answers["/v1.45/images/create"] = (200, messages)
    docker.answers["/v1.45/images/json"] = (200, list(images))
    docker.answers["/v1.45/images/sha256:1/json"] = (200, IMAGE)


def paths(docker):
    return [request["path"] for request in docker.requests if "/images/create" in request["path"]]


@pytest.mark.parametrize(
    ("messages", "progress"),
    [
        ((), (0, 0, 0, 0)),
        (START, (10, None, 3, 0)),
        (START + LOADED, (3_000_000_000, TOTAL, 3, 0)),
        (START + LOADED + END, (TOTAL, TOTAL, 3, 1)),
    ],
)
def test_layers(load, messages, progress):
    layers = load("image_pull").Layers()
    for message in messages:
        layers.add(message)
    assert tuple(layers.state().values()) == progress


def test_progress(load):
    shown = load("image_progress").shown
    assert shown({}) == {}
    assert shown({"done": 0, "total": 0, "layers": 0, "pulled": 0}) == {}
    loading = shown({"done": 3, "total": 12, "layers": 2, "pulled": 0})
    assert (loading["done"], loading["total"], loading["unit"]) == (3, 12, "bytes")
    assert loading["text"]["message"] == "downloading 2 layers"
    assert shown({"done": 12, "total": 12, "layers": 2, "pulled": 1})["text"]["message"] == (
        "extracting: 1 of 2 layers"
    )


def test_pull(docker, run_module):
    answer(docker, *START, *LOADED, *END, images=[IMAGE])
    result = run_module("image_pull", env=docker.env, image=NAME)
    assert (result["changed"], "X-Registry-Auth" in docker.headers) == (False, False)  # the image did not change
    assert paths(docker) == ["/v1.45/images/create?tag=v1&fromImage=registry.example.com%3A5000%2Fteam%2Fengine"]
    progress = run_module("image_progress", image=NAME, job="j4815162342.1")
    assert (progress["finished"], progress["progress"]["unit"]) == (True, "bytes")


def test_credentials_of_docker_login_are_sent(docker, run_module):
    helper = docker.folder / "docker-credential-fake"
    helper.write_text('#!/bin/sh\ncat > /dev/null\necho \'{"Username": "u", "Secret": "p"}\'\n')
    helper.chmod(0o755)
    headers = []
    for config in (
        {"auths": {"registry.example.com:5000": {"auth": base64.b64encode(b"u:p").decode()}}},
        {"credHelpers": {"registry.example.com:5000": "fake"}},
    ):
        (docker.folder / "config.json").write_text(json.dumps(config))
        answer(docker, {"error": "stop", "errorDetail": {"message": "stop"}})
        path = f"{docker.folder}:{os.environ['PATH']}"
        result = run_module("image_pull", env={**docker.env, "PATH": path}, image=NAME)
        assert result["failed"]
        sent = json.loads(base64.urlsafe_b64decode(docker.headers["X-Registry-Auth"]))
        headers.append({key.lower(): value for key, value in sent.items()})
    assert [(entry["username"], entry["password"]) for entry in headers] == [("u", "p")] * 2


def test_failed_pull_reports_dockers_reason(docker, run_module):
    message = "toomanyrequests: You have reached your pull rate limit."
    answer(docker, {"errorDetail": {"message": message}, "error": message})
    result = run_module("image_pull", env=docker.env, image=NAME)
    assert (result["failed"], result["msg"]) == (True, message)


@pytest.mark.parametrize(("check_mode", "pull"), [(True, "not_present"), (False, "not_present"), (True, "always")])
def test_image_of_the_node_is_not_pulled_again(docker, run_module, check_mode, pull):
    answer(docker, images=[IMAGE])
    result = run_module("image_pull", check_mode, docker.env, image=NAME, pull=pull)
    assert (result["changed"], result["image"]["Id"], paths(docker)) == (False, "sha256:1", [])


def test_check_mode_pulls_nothing(docker, run_module):
    result = run_module("image_pull", True, docker.env, image=NAME)
    assert (result["changed"], paths(docker)) == (True, [])


def test_missing_daemon_is_reported(run_module):
    result = run_module("image_pull", env={**os.environ, "DOCKER_HOST": "tcp://127.0.0.1:1"}, image=NAME)
    assert result["failed"]
    assert "Error connecting" in result["msg"]
