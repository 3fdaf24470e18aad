"""Releases: what is recorded, without secrets, and to which one a rollback returns."""

import json

import pytest
import yaml

from inferfleet.settings import Settings
from inferfleet.upgrade import ReleaseFolder, ReleaseMissingError, recorded_settings, release_of

SECRET = "top-secret-0123456789"


def variables(**changed) -> dict:
    return Settings().model_dump(mode="json") | changed


def plan(argv=("serve",), **changed) -> dict:
    node = {"argv": [*argv], "env": {"HF_TOKEN": SECRET, "NCCL_DEBUG": "INFO"}}
    return {
        **{"name": "", "head": "n1", "nodes": {"n1": node}, "served_model_name": "r1", "engine": "vllm"},
        **{"engine_version": "1", "image": "x:1", "reasons": [{"code": "a"}], "link_gbps": 1, **changed},
    }


def record(folder: ReleaseFolder, argv=("serve",), **changed) -> int:
    values = {"n1": variables(**changed)}
    return folder.record(release_of([plan(argv)], values, {"n1": "x@sha256:1"}, "0.1"), values, "up")


@pytest.fixture
def folder(tmp_path) -> ReleaseFolder:
    return ReleaseFolder(tmp_path / ".releases")


def test_release_has_no_secret(folder):
    secrets = {
        **{"engine_api_key": SECRET, "ray_auth_token": SECRET, "webui_admin_password": SECRET},
        **{"webui_secret_key": SECRET, "api_clients": [{"name": "a", "key": SECRET}]},
        **{"https_proxy": f"http://user:{SECRET}@proxy:3128", "engine_extra_env": {"HF_TOKEN": SECRET}},
    }
    number = record(folder, max_num_seqs=7, **secrets)
    files = [file.read_text() for file in folder.path.rglob("*") if file.is_file()]
    assert len(files) == 2
    assert not any(SECRET in text for text in files)
    service = folder.read(number)["services"]["service"]
    assert service["settings"] == {"max_num_seqs": 7}
    assert service["image_digest"] == "x@sha256:1"
    assert service["plan"]["nodes"]["n1"]["env"] == {"NCCL_DEBUG": "INFO"}


def test_values_of_the_command_line_are_recorded_with_their_type(folder):
    service = folder.read(record(folder, replicas="2", enforce_eager="true"))["services"]["service"]
    assert service["settings"] == {"replicas": 2, "enforce_eager": True}


def test_images_of_a_release_are_by_host(folder):
    assert folder.images(record(folder)) == {"n1": {"x:1": "x@sha256:1"}}


def test_same_deployment_is_recorded_once(folder):
    assert [record(folder), record(folder), record(folder, max_num_seqs=7), record(folder)] == [1, 1, 2, 3]
    assert [release["number"] for release in folder.releases()] == [3, 2, 1]


def test_settings_are_variables_for_ansible(folder):
    settings = yaml.safe_load(folder.settings(record(folder, max_num_seqs=7)).read_text())
    assert settings == recorded_settings(variables(max_num_seqs=7))
    assert {*Settings.model_fields} > {*settings}


def test_settings_that_differ_between_services_are_set_by_host(folder):
    values = {"n1": variables(engine_port=8000), "n2": variables(engine_port=8100)}
    number = folder.record(release_of([plan()], values, {}, "0.1"), values, "up")
    settings = yaml.safe_load(folder.settings(number).read_text())
    assert settings["engine_port"] == "{{ x_release['engine_port'][inventory_hostname] }}"
    assert settings["x_release"] == {"engine_port": {"n1": 8000, "n2": 8100}}
    assert settings["max_num_seqs"] == 0


def test_rollback_after_a_success_deploys_the_release_before(folder):
    record(folder)
    record(folder, max_num_seqs=7)
    assert folder.target() == 1
    assert folder.target(2) == 2


def test_rollback_after_a_failure_deploys_the_newest_release(folder):
    record(folder)
    record(folder, max_num_seqs=7)
    folder.begin()
    assert folder.target() == 2
    record(folder, max_num_seqs=8)
    assert folder.target() == 2


@pytest.mark.parametrize(
    ("recorded", "number", "code"), [(1, 0, "no-release"), (0, 0, "no-release"), (1, 5, "unknown-release")]
)
def test_missing_release_is_refused(folder, recorded, number, code):
    for _ in range(recorded):
        record(folder)
    with pytest.raises(ReleaseMissingError) as error:
        folder.target(number)
    assert error.value.problem.code == code


def test_drained_replicas_are_remembered_until_they_are_used_again(folder):
    folder.begin()
    folder.set_drained("n1_8000", drained=True)
    folder.begin()
    assert ReleaseFolder(folder.path).drained() == ["n1_8000"]
    folder.set_drained("n1_8000", drained=False)
    assert (folder.drained(), bool(folder.unfinished)) == ([], True)


def test_broken_files_are_no_releases(folder):
    number = record(folder)
    (folder.path / "0001" / "release.json").write_text("{")
    (folder.path / "unfinished.json").write_text("[]")
    assert (folder.read(number), folder.releases(), folder.unfinished) == ({}, [], {})
    (folder.path / "0001" / "release.json").write_text(json.dumps({"schema": 99}))
    assert folder.read(number) == {}
