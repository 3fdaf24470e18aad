"""The configuration of EvalScope."""

import pytest

from inferfleet.evaluate import make_request, make_task, read_settings
from inferfleet.evaluate.process import environment
from inferfleet.evaluate.task import max_tokens

THINKING = {"filters": {"remove_until": "</think>"}}


@pytest.mark.parametrize(
    ("context", "tokens"), [(0, 32768), (163840, 32768), (32768, 28672), (8192, 4096), (2048, 1024)]
)
def test_max_tokens_leave_room_for_the_question(given, tmp_path, context, tokens):
    assert max_tokens(read_settings(given, tmp_path)[0], context) == tokens


def test_settings_in_evalscope_task(given, tmp_path):
    given |= {"datasets": ["mmlu:anatomy"], "limit": 5.0, "n": 4, "top_k": 20, "batch_size": 16}
    task = make_task(*read_settings(given, tmp_path)[:2], "r1", 65536)
    assert (task["model"], task["limit"], task["repeats"], task["eval_batch_size"]) == ("r1", 5, 4, 16)
    assert isinstance(task["limit"], int)  # a float is a share to EvalScope
    assert task["dataset_args"] == {"mmlu": {**THINKING, "subset_list": ["anatomy"]}}
    wanted = {"max_tokens": 32768, "temperature": 0.6, "top_p": 0.95, "top_k": 20, "stream": True, "timeout": 3600}
    assert wanted.items() <= task["generation_config"].items()


def test_limit_as_share_and_unlimited(given, tmp_path):
    limits = [make_task(*read_settings({**given, "limit": n}, tmp_path)[:2], "r1", 0)["limit"] for n in (0.1, 0.0)]
    assert limits == [0.1, None]


def test_reference_settings_are_overridden_by_dataset_args(given, tmp_path):
    given |= {"reference": "deepseek-r1", "datasets": ["mmlu", {"name": "ceval", "args": {"few_shot_num": 5}}]}
    task = make_task(*read_settings(given, tmp_path)[:2], "r1", 0)
    args = {name: {**THINKING, "few_shot_num": shots} for name, shots in (("mmlu", 0), ("ceval", 5))}
    assert task["dataset_args"] == args


def test_request_depends_on_questions(given, plan, questions):
    given["datasets"] = [f"general_qa={questions}"]
    settings, reference, _ = read_settings(given, questions)
    task = make_task(settings, reference, "r1", 0)
    before = make_request(settings, task, plan)
    assert make_request(settings, task, {**plan, "nodes": {}}) == before
    assert make_request(settings, task, {**plan, "image": "other"}) != before
    (questions / "default.jsonl").write_text('{"query": "q", "response": "r"}\n')
    assert make_request(settings, task, plan) != before


def test_proxy_is_bypassed_for_the_api(given, questions):
    given["datasets"] = [f"general_qa={questions}"]
    task = make_task(*read_settings(given, questions)[:2], "r1", 0)
    env = environment(
        {"http_proxy": "http://proxy:3128", "no_proxy": "localhost"}, task, "http://10.0.0.1:8000/v1", "k"
    )
    assert (env["no_proxy"], env["NO_PROXY"]) == ("localhost,127.0.0.1,::1,10.0.0.1",) * 2
    assert (env["http_proxy"], env["EVALSCOPE_API_KEY"], env["HF_HUB_OFFLINE"]) == ("http://proxy:3128", "k", "1")


def test_benchmark_is_downloaded(given, tmp_path):
    task = make_task(*read_settings(given, tmp_path)[:2], "r1", 0)
    assert "HF_HUB_OFFLINE" not in environment({}, task, "http://10.0.0.1:8000/v1", "k")
