"""EvalScope with the deployed tiny R1: all answers are correct, and fewer with a damaged shard."""

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from lab_cluster import INVENTORY, ROOT, Controller, eventually, secrets

from inferfleet.evaluate import Evaluation

pytestmark = pytest.mark.lab

API = "http://198.18.5.11:8000/v1"
QUESTION = {"model": "tiny-r1", "messages": [{"role": "user", "content": "How many layers does DeepSeek-R1 have?"}]}
SHARD = "/data/models/inferfleet/tiny-r1/model-00001-of-00005.safetensors"
TIMEOUT = 420  # seconds: the start of an engine on two busy cores


def on(node: str, command: str) -> str:
    argv = ["ssh", "-F", ROOT / ".lab/ssh_config", node, command]
    return subprocess.run(argv, capture_output=True, text=True, timeout=60, check=True).stdout


def answer() -> str | None:
    """Return the answer of the model; None if the service does not answer."""
    headers = {"Authorization": f"Bearer {secrets()['engine_api_key']}"}
    body = {**QUESTION, "temperature": 0, "max_tokens": 64}
    try:
        reply = httpx.post(f"{API}/chat/completions", json=body, headers=headers, timeout=60)
    except httpx.HTTPError:
        return None
    return str(reply.json()["choices"][0]["message"]["content"]) if reply.status_code == 200 else None


@pytest.fixture(scope="module", autouse=True)
def served(controller: Controller) -> None:
    """The existing deployment, or a new one if none answers."""
    if not (ROOT / INVENTORY / ".secrets").is_dir() or answer() is None:
        up = controller.inferfleet("up", timeout=1800)
        assert up.rc == 0, up


@pytest.fixture(scope="module")
def intact(controller: Controller) -> Evaluation:
    """The evaluation of the model as it was trained."""
    done = controller.inferfleet("evaluate")
    assert done.rc == 0, done
    result = done.document["result"]["evaluation"]
    evaluation = Evaluation.model_validate_json((Path(result.pop("folder")) / "evaluation.json").read_bytes())
    assert json.loads(evaluation.model_dump_json()) == result
    return evaluation


@pytest.fixture
def damaged() -> Iterator[None]:
    """The shard with the embeddings is zeroed on node2, and the engine restarted without any check."""
    on("node2", f"cp -a {SHARD} {SHARD}.intact")
    try:
        blocks = int(on("node2", f"stat -c %s {SHARD}")) // 65536
        # All but the first block, which holds the header with the tensors' names.
        on("node2", f"dd if=/dev/zero of={SHARD} bs=64K seek=1 count={blocks - 1} conv=notrunc 2>&1")
        on("node1", "docker restart inferfleet-engine")
        eventually(lambda: answer() is not None, TIMEOUT, "the engine answers with a damaged shard")
        yield
    finally:
        on("node2", f"mv {SHARD}.intact {SHARD}")
        on("node1", "docker restart inferfleet-engine")
        eventually(lambda: answer() == "DeepSeek-R1 has 61 layers.", TIMEOUT, "the engine answers correctly again")


def test_all_answers_are_correct(intact: Evaluation) -> None:
    (entry,) = intact.datasets
    assert (entry.name, entry.score, entry.questions, entry.failed) == ("general_qa", 100.0, 20, 0)
    assert set(entry.other_scores.values()) == {100.0}, "every question is evaluated exactly once"
    assert intact.complete
    assert intact.plan["checkpoint"] == "inferfleet/tiny-r1"
    assert intact.versions["engine"] == "0.32.0"
    assert "sha256:" in intact.versions["image_digest"]
    assert set(intact.nodes) == {"node1", "node2"}


@pytest.mark.thorough
def test_damaged_shard_lowers_the_score(intact: Evaluation, damaged: None, controller: Controller) -> None:
    earlier = max((ROOT / INVENTORY / ".results/evaluate").iterdir())
    done = controller.inferfleet("evaluate", "--reference", str(earlier), "--within", "1")
    assert (done.rc, done.document["outcome"], done.document["changed_tasks"]) == (6, "threshold_not_met", []), done
    (entry,) = done.document["result"]["evaluation"]["datasets"]
    assert entry["score"] < 99
    (problem,) = done.document["problems"]
    assert re.match(rf"general_qa scores {entry['score']:g} %, [\d.]+ points below the 100 % of ", problem["message"])


def test_unsupported_datasets_are_refused(controller: Controller) -> None:
    done = controller.inferfleet("evaluate", "--dataset", "math500", "--dataset", "humaneval")
    assert (done.rc, done.document["outcome"]) == (1, "bad_input"), done
    assert [problem["code"] for problem in done.document["problems"]] == ["unknown-dataset", "runs-code"]
    assert done.document["problems"][0]["remedy"].startswith("Did you mean math_500")


def test_secrets_are_in_no_result() -> None:
    files = [file for file in (ROOT / INVENTORY / ".results/evaluate").rglob("*") if file.is_file()]
    assert any(file.name == "evaluation.json" for file in files)
    key = secrets()["engine_api_key"].encode()
    assert [file for file in files if key in file.read_bytes()] == []
