"""Rotation of secrets: which ones, continued after an interruption, and which replicas change first."""

import pytest

from inferfleet.cli.commands.rotate_secrets import rotation_blocks
from inferfleet.components import load_components
from inferfleet.upgrade.rotation import Rotation, first_half, rotated_names, rotation_problems

KNOWN = ("ray_auth_token", "engine_api_key", "webui_admin_password", "monitoring_admin_password")


@pytest.fixture
def rotation(tmp_path) -> Rotation:
    (tmp_path / "engine_api_key").write_text("previous")
    return Rotation(tmp_path)


def test_all_generated_secrets_are_rotated_except_a_persons_password():
    assert rotated_names(KNOWN, {}, []) == ["ray_auth_token", "engine_api_key"]
    assert rotated_names(KNOWN, {"engine_api_key": "mine"}, []) == ["ray_auth_token"]
    assert rotated_names(KNOWN, {}, ["webui_admin_password"]) == ["webui_admin_password"]


def test_effect_of_each_secret_is_reported():
    known = [name for component in load_components() for name in component.secrets]
    rows = rotation_blocks({"rotated": known}, succeeded=True)[0]
    assert [row.label for row in rows] == known


@pytest.mark.parametrize(("name", "codes"), [("engine_api_key", ["secret-configured"]), ("x", ["unknown-secret"])])
def test_problems(name, codes):
    assert [problem.code for problem in rotation_problems(KNOWN, {"engine_api_key": "mine"}, [name])] == codes


def test_new_value_is_generated_once_until_it_is_deployed(rotation, tmp_path):
    value = tmp_path / "engine_api_key"
    assert rotation.begin(["engine_api_key"]) == ["engine_api_key"]
    first = value.read_text()
    assert first != "previous"
    assert len(first) == 43
    assert value.stat().st_mode & 0o777 == 0o600
    rotation.begin(["engine_api_key"])  # after an interruption
    assert value.read_text() == first
    rotation.finish()
    assert rotation.pending == []
    rotation.begin(["engine_api_key"])
    assert value.read_text() != first


def test_second_secret_joins_a_rotation_that_was_interrupted(rotation):
    rotation.begin(["engine_api_key"])
    assert rotation.begin(["ray_auth_token", "engine_api_key"]) == ["engine_api_key", "ray_auth_token"]


def test_gateways_change_their_key_once(rotation):
    assert not rotation.switches_key
    rotation.begin(["ray_auth_token"])
    assert not rotation.switches_key
    rotation.begin(["engine_api_key"])
    assert rotation.switches_key
    rotation.switched()
    assert not rotation.switches_key


def test_nothing_is_recorded_without_a_rotation(rotation, tmp_path):
    rotation.switched()
    rotation.finish()
    assert [file.name for file in tmp_path.iterdir()] == ["engine_api_key"]


def plan(head: str, model: str = "r1") -> dict:
    return {"head": head, "nodes": {head: {}}, "served_model_name": model}


def heads(plans) -> list[str]:
    return [one["head"] for one in plans]


STALE = {name: ["inferfleet-engine"] for name in ("n1", "n2", "n3", "n4", "n5")}


@pytest.mark.parametrize(
    ("order", "stale", "first"),
    [
        (["n1", "n2"], STALE, ["n1"]),
        (["n1", "n2", "n3", "n4", "n5"], STALE, ["n1", "n2"]),
        (["n1", "n2", "n3"], {"n1": ["inferfleet-engine"], "n3": ["inferfleet-engine"]}, ["n2"]),  # continued
        (["n1"], STALE, ["n1"]),
        ([], STALE, []),
    ],
)
def test_half_of_the_replicas_change_before_the_gateways(order, stale, first):
    assert heads(first_half([plan(name) for name in order], stale)) == first


def test_half_of_each_model():
    plans = [plan("n1"), plan("n2"), plan("n3", "other"), plan("n4", "other")]
    assert heads(first_half(plans, STALE)) == ["n1", "n3"]
