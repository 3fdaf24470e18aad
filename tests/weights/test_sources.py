"""Each type of source with its real tool against the test hub."""

import json
import shutil

import pytest
from ansible.module_utils.weights import manifest
from tests.weights.fleet import REPO

from inferfleet.messages import Message


def source_of(kind, hub, hub_root):
    return {
        "huggingface": {"type": "huggingface", "endpoint": hub.url, "repository": REPO},
        "hfd": {"type": "hfd", "endpoint": hub.url, "repository": REPO, "connections": 4},
        "modelscope": {"type": "modelscope", "endpoint": hub.url, "repository": REPO},
        "http": {"type": "http", "endpoint": f"{hub.url}/static/{REPO}", "repository": REPO},
        "path": {"type": "path", "path": str(hub_root / REPO), "repository": REPO},
    }[kind]


@pytest.mark.parametrize("kind", ["huggingface", "hfd", "modelscope", "http", "path"])
def test_source_delivers_everything(fleet, hub, hub_root, kind):
    if kind == "hfd" and not shutil.which("aria2c"):
        pytest.skip("aria2c is not installed")
    node = fleet.nodes[0]
    fleet.start_alone(node, sources=[source_of(kind, hub, hub_root)], stall=60)
    result = node.end()
    assert (result.get("msg"), result.get("events")) == (None, [])
    assert fleet.is_complete(node)


@pytest.mark.parametrize("kind", ["huggingface", "hfd", "modelscope"])
def test_manifest_comes_from_the_hub(manifest_of, hub, hub_root, files, kind):
    result = manifest_of(sources=[{**source_of(kind, hub, hub_root), "revision": "main"}])
    assert {n: e["size"] for n, e in result["files"].items()} == {n: w["size"] for n, w in files.items()}
    shards = [n for n in files if n.endswith("safetensors")]
    assert {n: result["files"][n]["hash"] for n in shards} == {n: files[n]["hash"] for n in shards}
    assert result["about"]["repository"] == REPO


def test_hashes_missing_at_the_hub_come_from_the_first_download(manifest_of, fleet, hub, hub_root, files):
    hub.faults({"path": ".*", "fault": "no_hashes"})
    source = source_of("huggingface", hub, hub_root)
    result = manifest_of(sources=[{**source, "revision": "main"}])
    assert {e["hash"] for e in result["files"].values()} == {""}
    node = fleet.nodes[0]
    fleet.start_alone(node, files=result["files"], sources=[source])
    assert node.end().get("msg") is None
    assert fleet.is_complete(node)


def test_next_source_lists_the_files_if_the_first_is_unreachable(manifest_of, hub, hub_root):
    gone = {"type": "huggingface", "endpoint": "http://127.0.0.1:9", "repository": REPO, "revision": "main"}
    result = manifest_of(sources=[gone, {**source_of("path", hub, hub_root), "revision": "main"}])
    assert result["about"]["source"] == f"path {hub_root / REPO}"
    assert len(result["causes"]) == 1
    assert result["inferfleet_warnings"] == []


def test_reasons_of_unavailable_sources_are_messages(manifest_of, tmp_path):
    (tmp_path / "nowhere").mkdir()
    source = {"type": "path", "path": "/gone", "repository": REPO, "revision": "main"}
    refused = Message.from_dict(manifest_of(sources=[source])["problems"][0])
    assert "path /gone: the folder /gone does not exist on this node. Check" in str(refused)
    assert "：path /gone：本节点上没有目录 /gone。请检查" in refused.render("zh")
    files = {"config.json": {"size": 2, "algorithm": "", "hash": ""}}
    copy = {"complete": True, "repository": REPO, "revision": "main", "commit": "", "files": files}
    (tmp_path / "nowhere" / manifest.NAME).write_text(json.dumps(copy))
    (warning,) = manifest_of(sources=[source])["inferfleet_warnings"]
    assert Message.from_dict(warning).render("zh") == (
        "没有可用的来源（path /gone：本节点上没有目录 /gone）。改用本节点上完整副本的文件清单。"
    )


def test_patterns_choose_files(manifest_of, hub, hub_root):
    source = {**source_of("huggingface", hub, hub_root), "revision": "main"}
    result = manifest_of(sources=[source], include=["*.safetensors", "*.json"], exclude=["*00008-of*"])
    assert sorted(result["files"]) == ["config.json", *(f"model-{n:05}-of-00008.safetensors" for n in range(1, 8))]


def test_unknown_revision_is_reported(manifest_of, hub, hub_root):
    for kind in ("huggingface", "modelscope"):
        result = manifest_of(sources=[{**source_of(kind, hub, hub_root), "revision": "no-such"}])
        assert result["failed"]
        assert f"{kind} {hub.url}" in result["msg"]
        assert "Check hub_endpoint, model_weights_sources, checkpoint and model_revision." in result["msg"]


@pytest.mark.parametrize("kind", ["huggingface", "hfd", "modelscope"])
def test_gated_repository_accepts_its_token(manifest_of, fleet, hub, hub_root, files, kind):
    hub.faults({"path": "(?<!_lab).*", "fault": "status", "status": 401, "unless_token": "hf_secret"})
    source, node = source_of(kind, hub, hub_root), fleet.nodes[0]
    sources = [{**source, "revision": "main"}]
    refused = manifest_of(sources=sources)
    assert "401" in refused["msg"], refused
    tokens = {kind: "hf_secret"}
    assert manifest_of(sources=sources, tokens=tokens)["files"].keys() == files.keys()
    fleet.start_alone(node, sources=[source], tokens=tokens)
    result = node.end()
    assert "msg" not in result
    assert fleet.is_complete(node)
    assert "hf_secret" not in str(result)
