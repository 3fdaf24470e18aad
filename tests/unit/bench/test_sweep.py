"""From what was asked to command lines, and what is refused before anything runs."""

import json

import pytest

from inferfleet.bench import SweepSettings, plan_sweep
from inferfleet.bench.client import bench_argv
from inferfleet.bench.sweep import measurement_at, seed_at

PLAN = {"max_model_len": 2048, "max_num_seqs": 8, "data_parallel_size": 1}
WHERE = {
    "url": "http://10.0.0.1:8000",
    "endpoint": "/v1/completions",
    "model": "tiny-r1",
    "tokenizer": "/data/models/inferfleet/tiny-r1",
    "folder": "/run/inferfleet-bench/out",
    "version": "0.32.0",
}


def sweep_of(**asked):
    planned = plan_sweep(SweepSettings(**{"preset": "smoke"} | asked), PLAN, seed=100)
    assert planned.problems == []
    return planned.sweep


def refusal(plan=PLAN, **asked):
    planned = plan_sweep(SweepSettings(**{"preset": "smoke"} | asked), plan, seed=1)
    assert planned.sweep is None
    (problem,) = planned.problems
    return str(problem)


def test_the_command_line_to_the_letter():
    assert bench_argv(measurement_at(sweep_of(), 4, **WHERE)) == [
        *("vllm", "bench", "serve", "--base-url", "http://10.0.0.1:8000", "--endpoint", "/v1/completions"),
        *("--model", "tiny-r1", "--tokenizer", "/data/models/inferfleet/tiny-r1", "--dataset-name", "random"),
        *("--random-input-len", "32", "--random-output-len", "32", "--num-prompts", "4", "--max-concurrency", "4"),
        *("--seed", "104", "--ignore-eos"),
        *("--percentile-metrics", "ttft,tpot,itl,e2el", "--metric-percentiles", "99"),
        *("--save-result", "--result-dir", "/run/inferfleet-bench/out", "--result-filename", "result.json"),
    ]


@pytest.mark.parametrize(("version", "has"), [("0.32.0", True), ("0.17.1", True), ("", True), ("0.8.5.post1", False)])
def test_an_answer_that_may_end_is_asked_for_in_the_body(version, has):
    argv = bench_argv(measurement_at(sweep_of(ignore_eos=False), 1, **WHERE | {"version": version}))
    assert "--ignore-eos" not in argv
    assert ("--extra-body" in argv) is has
    if has:
        assert json.loads(argv[argv.index("--extra-body") + 1]) == {"ignore_eos": False}


def test_what_is_asked_for_beats_the_preset():
    sweep = sweep_of(concurrency=(4, 1, 4), input_len=7, output_len=9, num_prompts=5)
    assert (sweep.concurrency, sweep.num_prompts, sweep.input_len, sweep.output_len) == ((1, 4), (5, 5), 7, 9)


def test_a_presets_prompts_reach_the_concurrency_that_is_asked_for():
    assert sweep_of(concurrency=(2, 16)).num_prompts == (4, 16)


def test_no_two_measurements_send_the_same_prompts():
    sweep = sweep_of(concurrency=(1, 2, 8))
    assert len({seed_at(sweep, c) for c in sweep.concurrency}) == 3


def test_requests_that_just_fit():
    assert sweep_of(input_len=1024, output_len=1024)


def test_requests_too_long_for_the_engine():
    assert refusal(input_len=1025, output_len=1024) == (
        "Variables bench_input_len 1025 and bench_output_len 1024 add up to 2049 tokens per request, but"
        " max_model_len of the engine is 2048. Reduce them to at most 2048 in total, choose a smaller preset, or"
        " deploy with a larger max_model_len."
    )


def test_a_preset_too_long_is_named():
    assert "bench_input_len 8192 and bench_output_len 1024 (preset long-context) add up to 9216" in refusal(
        preset="long-context"
    )


def test_no_limit_that_is_not_known():
    assert plan_sweep(SweepSettings("long-context"), PLAN | {"max_model_len": 0}, seed=1).sweep


def test_an_unknown_preset():
    assert refusal(preset="smok") == (
        "Variable bench_preset is 'smok', which is not in the catalog. Did you mean smoke?"
    )


def test_a_concurrency_that_is_never_reached():
    assert refusal(concurrency=(1, 16), num_prompts=8) == (
        "Variable bench_num_prompts is 8, so that concurrency 16 is never reached. Set bench_num_prompts to 16 or"
        " more, or remove 16 from bench_concurrency."
    )


@pytest.mark.parametrize(
    ("asked", "name"),
    [
        ({"input_len": -1}, "bench_input_len is -1"),
        ({"output_len": -5}, "bench_output_len is -5"),
        ({"num_prompts": -1}, "bench_num_prompts is -1"),
        ({"concurrency": (1, 0)}, "bench_concurrency is 0"),
    ],
)
def test_numbers_that_are_none(asked, name):
    assert f"Variable {name}, but must be at least 1." in refusal(**asked)


def test_more_in_flight_than_the_engine_takes_is_told():
    planned = plan_sweep(SweepSettings("smoke", concurrency=(8, 16, 32)), PLAN, seed=1)
    (warning,) = planned.warnings
    assert warning.message.startswith("Concurrency 16, 32 exceeds the engine's max_num_seqs 8")
    assert plan_sweep(SweepSettings("smoke", concurrency=(8,)), PLAN, seed=1).warnings == []
