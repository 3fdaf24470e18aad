"""Plans for model folders of the user: mounts, names, and what the nodes must have there."""

import json
from pathlib import Path

import pytest
import yaml
from tests.unit.catalog.test_config_json import CONFIG
from typer.testing import CliRunner

from inferfleet.cli import app
from inferfleet.inventory import Inventory
from inferfleet.planner import make_plan, plan_cluster
from inferfleet.settings import Settings

TINY_R1 = Path(__file__).parents[3] / "lab" / "tiny_r1" / "architecture.yml"
NAME = "DeepSeek-R1-Distill-Qwen-1.5B"
CONTRACT = {"accelerator": "H200-141G", "accelerators_per_node": 1, "executor": "mp"}


def plan(model, facts=({},), **settings):
    nodes = {
        f"n{i}": {"role": "worker" if i else "head", "address": f"10.0.0.{i + 1}", **node}
        for i, node in enumerate(facts)
    }
    return make_plan(Settings(**{"model": str(model), **CONTRACT, **settings}), nodes)


@pytest.fixture
def snapshot(tmp_path):
    """Return a revision in Hugging Face's cache with a configuration."""
    repository = tmp_path / f"models--deepseek-ai--{NAME}"
    folder = repository / "snapshots" / "abc"
    folder.mkdir(parents=True)
    (repository / "blobs").mkdir()
    (repository / "blobs" / "1").write_text(json.dumps(CONFIG))
    (folder / "config.json").symlink_to("../../blobs/1")
    return folder


@pytest.mark.parametrize(
    ("engine", "inside", "blobs"),
    [
        ("vllm", "{snapshot}", "{repository}/blobs"),
        ("sglang", "{snapshot}", "{repository}/blobs"),
        ("tensorrt-llm", f"/models/{NAME}", "/blobs"),  # where ../../blobs leads from there
    ],
)
def test_containers_see_the_targets_of_links(snapshot, engine, inside, blobs):
    found = plan(snapshot, engine=engine)
    paths = {"snapshot": snapshot, "repository": snapshot.parent.parent}
    assert found.problems == []
    assert found.nodes["n0"].mounts[:2] == [
        f"{snapshot}:{inside}:ro".format(**paths),
        f"{snapshot.parent.parent}/blobs:{blobs}:ro".format(**paths),
    ]


def test_an_engine_that_reads_no_links(snapshot):
    (snapshot / "config.json").write_text(json.dumps(yaml.safe_load(TINY_R1.read_text())))
    problem = plan(snapshot, engine="deepseek-infer", engine_image="mine/torch:1").problems[0]
    assert problem.code == "engine-unsupported"
    assert f"does not read the links in Hugging Face's cache {snapshot}. Copy the files" in str(problem)


def test_a_cached_model_has_the_name_of_its_repository(snapshot):
    found = plan(snapshot)
    assert (found.served_model_name, found.checkpoint) == (NAME, f"local/{NAME}")
    assert found.reasoning_parser == "deepseek_r1"
    assert plan(snapshot / "config.json").served_model_name == NAME


@pytest.mark.parametrize("config", ["", "config.json"])
def test_estimate_of_a_cached_model(snapshot, tmp_path, config):
    (tmp_path / "link").symlink_to(snapshot)
    arguments = ["estimate", "--config", str(tmp_path / "link" / config), "--accelerator", "H200-141G", "--json"]
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 0
    assert json.loads(done.stdout)["checkpoint"] == f"local/{NAME}"


def test_a_plain_folder_needs_one_mount(tmp_path):
    folder = tmp_path / "my--R1"
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(CONFIG))
    found = plan(f"{folder}/")
    assert found.nodes["n0"].mounts == [f"{folder}:{folder}:ro"]
    assert found.served_model_name == "my--R1"


def test_the_repository_of_the_cache_is_refused(snapshot):
    (problem,) = plan(snapshot.parent.parent).problems
    assert problem.code == "catalog-broken"
    assert problem.change == {"model": str(snapshot)}


def test_a_folder_that_the_controller_lacks():
    (problem,) = plan("/nfs/DeepSeek-R1").problems
    assert "File /nfs/DeepSeek-R1/config.json cannot be read: No such file or directory." in str(problem)
    assert "Mount or copy the folder to this path on the controller too" in str(problem)


def state(folder, **changes):
    good = {"path": str(folder), "real_path": str(folder), "exists": True, "missing": [], "outside": {}}
    return {"model_folder": {**good, "bytes": 2**30, "digest": "1", **changes}}


@pytest.mark.parametrize(
    ("changes", "code", "text"),
    [
        ({"exists": False}, "model-folder-missing", "but n1 has no {path}/config.json. Mount or copy the model"),
        (
            {"missing": list("abcd")},
            "model-folder-incomplete",
            "on n1 lacks files, or has links to files that do not exist: a, b, c, …",
        ),
        ({"outside": {"a": "/x/a"}}, "model-folder-incomplete", "on n1 has links to files outside of it"),
        ({"outside": {"a": "/x/a"}, "real_path": "/x"}, "model-folder-incomplete", "Set model to /x, or replace"),
        ({"digest": "2", "bytes": 0}, "model-folder-differs", "1073741824 bytes on n0, 0 bytes on n1"),
    ],
)
def test_states_of_the_folder_on_a_node(snapshot, changes, code, text):
    good = state(snapshot)
    assert plan(snapshot, (good, good)).problems == []
    (problem,) = plan(snapshot, (good, state(snapshot, **changes))).problems
    assert problem.code == code
    assert text.format(path=snapshot) in str(problem)


def test_facts_of_another_model_are_ignored(snapshot):
    assert plan(snapshot, (state("/other", exists=False),)).problems == []


def test_a_model_that_all_nodes_have_is_not_downloaded_again():
    copies = {"copies": {f"deepseek-ai/{NAME}": "/data/models/hub/x"}}
    model = NAME.lower()
    (problem,) = plan(model, (copies, copies)).problems
    assert problem.code == "model-present"
    assert "Set model to /data/models/hub/x to serve these files" in str(problem)
    assert plan(model, (copies, {})).problems == []  # the nodes without it download it


def test_a_folder_in_place_needs_no_space_in_model_root(snapshot):
    settings = {"model": str(snapshot), "container_data_root": "/docker", **CONTRACT}
    variables = {**Settings(**settings).model_dump(), "ansible_host": "10.0.0.1"}
    inventory = Inventory({"ray_head": ("n0",)}, {"n0": variables})
    disk = {"/data/models": {"free_bytes": 0, "device": 1}, "/docker": {"free_bytes": 2**40, "device": 2}}
    assert plan_cluster(inventory, {"n0": {"disk": disk}}).problems == []


@pytest.fixture
def unknown(tmp_path):
    """Return a folder with a configuration of an architecture that the planner does not know, and its index."""
    (tmp_path / "config.json").write_text(json.dumps(CONFIG | {"architectures": ["OwnForCausalLM"]}))
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps({"metadata": {"total_size": 80 << 30}}))
    return tmp_path


def test_an_unknown_architecture_names_the_setting_to_proceed(unknown):
    (problem,) = plan(unknown).problems
    assert problem.code == "model-unsupported"
    assert "OwnForCausalLM. The weights have 80.0 GiB; their KV cache is not known. Set kv_bytes_per_" in str(problem)
    (unknown / "model.safetensors.index.json").unlink()
    (problem,) = plan(unknown).problems
    assert "Copy the safetensors files or model.safetensors.index.json to the same folder and set" in str(problem)


def test_plan_of_an_unknown_architecture(unknown):
    found = plan(unknown, accelerators_per_node=2, kv_bytes_per_token=28 * 4096)
    assert (found.problems, found.engine, found.tensor_parallel_size) == ([], "vllm", 2)
    # Each rank has half of the weights, and of 28 layers 4096 bytes a token.
    assert found.budget.weights_bytes == pytest.approx(40 << 30, rel=0.01)
    assert found.budget.kv_cache_tokens == found.budget.kv_cache_bytes // (28 * 4096 * 16) * 16
    (warning,) = found.warnings
    assert warning.code == "architecture-unknown"
    assert "80.0 GiB of weights" in str(warning)
    assert "114688 bytes of KV cache" in str(warning)
    stages = plan(unknown, accelerators_per_node=2, kv_bytes_per_token=28 * 4096, pipeline_parallel_size=2)
    assert stages.budget.kv_cache_tokens == stages.budget.kv_cache_bytes // (14 * 4096 * 16) * 16


def test_the_size_of_a_known_cache_cannot_be_set(snapshot):
    (problem,) = plan(snapshot, kv_bytes_per_token=4096).problems
    assert problem.change == {"kv_bytes_per_token": 0}
