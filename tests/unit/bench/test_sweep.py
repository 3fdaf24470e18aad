"""Plan sweeps: settings, command lines, and what is refused before anything runs."""

import json

import pytest

from inferfleet.bench import SweepSettings, plan_sweep
from inferfleet.bench.client import bench_argv
from inferfleet.bench.sweep import measurement_at, repeat_sweep, seed_at

PLAN = {"max_model_len": 2048, "max_num_seqs": 8, "data_parallel_size": 1}
WHERE = {
    "url": "http://10.0.0.1:8000",
    "endpoint": "/v1/completions",
    "model": "tiny-r1",
    "tokenizer": "/data/models/inferfleet/tiny-r1",
    "folder": "/run/inferfleet-bench/out",
    "version": "0.32.0",
}


def sweep_of(**settings):
    planned = plan_sweep(SweepSettings(**{"preset": "smoke"} | settings), PLAN, seed=100)
    assert planned.problems == []
    return planned.sweep


def refusal(plan=PLAN, **settings):
    planned = plan_sweep(SweepSettings(**{"preset": "smoke"} | settings), plan, seed=1)
    assert planned.sweep is None
    (problem,) = planned.problems
    return str(problem)


def test_exact_command_line():
    assert bench_argv(measurement_at(sweep_of(), 4, **WHERE)) == [
        *("vllm", "bench", "serve", "--base-url", "http://10.0.0.1:8000", "--endpoint", "/v1/completions"),
        *("--model", "tiny-r1", "--tokenizer", "/data/models/inferfleet/tiny-r1", "--dataset-name", "random"),
        *("--random-input-len", "32", "--random-output-len", "32", "--num-prompts", "4", "--max-concurrency", "4"),
        *("--seed", "104", "--ignore-eos"),
        *("--percentile-metrics", "ttft,tpot,itl,e2el", "--metric-percentiles", "99"),
        *("--save-result", "--result-dir", "/run/inferfleet-bench/out", "--result-filename", "result.json"),
    ]


@pytest.mark.parametrize(("version", "has"), [("0.32.0", True), ("0.17.1", True), ("", True), ("0.8.5.post1", False)])
def test_ignore_eos_false_is_sent_in_the_body(version, has):
    argv = bench_argv(measurement_at(sweep_of(ignore_eos=False), 1, **WHERE | {"version": version}))
    assert "--ignore-eos" not in argv
    assert ("--extra-body" in argv) is has
    if has:
        assert json.loads(argv[argv.index("--extra-body") + 1]) == {"ignore_eos": False}


def test_settings_override_the_preset():
    sweep = sweep_of(concurrency=(4, 1, 4), input_len=7, output_len=9, num_prompts=5)
    assert (sweep.concurrency, sweep.num_prompts, sweep.input_len, sweep.output_len) == ((1, 4), (5, 5), 7, 9)


def test_prompts_of_a_preset_reach_the_requested_concurrency():
    assert sweep_of(concurrency=(2, 16)).num_prompts == (4, 16)


def test_measurements_have_different_seeds():
    sweep = sweep_of(concurrency=(1, 2, 8))
    assert len({seed_at(sweep, c) for c in sweep.concurrency}) == 3


def test_requests_of_exactly_max_model_len():
    assert sweep_of(input_len=1024, output_len=1024)


def test_requests_longer_than_max_model_len_are_refused():
    assert refusal(input_len=1025, output_len=1024) == (
        "Variables bench_input_len 1025 and bench_output_len 1024 add up to 2049 tokens per request, but"
        " max_model_len of the engine is 2048. Reduce them to at most 2048 in total, choose a smaller preset, or"
        " deploy with a larger max_model_len."
    )


def test_preset_longer_than_max_model_len_is_named():
    assert "bench_input_len 8192 and bench_output_len 1024 (preset long-context) add up to 9216" in refusal(
        preset="long-context"
    )


def test_unknown_max_model_len_is_not_checked():
    assert plan_sweep(SweepSettings("long-context"), PLAN | {"max_model_len": 0}, seed=1).sweep


def test_unknown_preset():
    assert refusal(preset="smok") == (
        "Variable bench_preset is 'smok', which is not in the catalog. Did you mean smoke?"
    )


def test_unreachable_concurrency_is_refused():
    assert refusal(concurrency=(1, 16), num_prompts=8) == (
        "Variable bench_num_prompts is 8, so that concurrency 16 is never reached. Set bench_num_prompts to 16 or"
        " more, or remove 16 from bench_concurrency."
    )


@pytest.mark.parametrize(
    ("settings", "name"),
    [
        ({"input_len": -1}, "bench_input_len is -1"),
        ({"output_len": -5}, "bench_output_len is -5"),
        ({"num_prompts": -1}, "bench_num_prompts is -1"),
        ({"concurrency": (1, 0)}, "bench_concurrency is 0"),
    ],
)
def test_values_below_one_are_refused(settings, name):
    assert f"Variable {name}, but must be at least 1." in refusal(**settings)


def test_concurrency_above_max_num_seqs_is_a_warning():
    planned = plan_sweep(SweepSettings("smoke", concurrency=(8, 16, 32)), PLAN, seed=1)
    (warning,) = planned.warnings
    assert warning.message.startswith("Concurrency 16, 32 exceeds the engine's max_num_seqs 8")
    assert plan_sweep(SweepSettings("smoke", concurrency=(8,)), PLAN, seed=1).warnings == []


def test_workload_of_an_earlier_run_is_repeated_with_other_prompts():
    sweep = sweep_of(concurrency=(1, 4), input_len=7, output_len=9, num_prompts=5)
    repeated = repeat_sweep(sweep, PLAN, seed=7)
    assert repeated.sweep == sweep.model_copy(update={"seed": 7})


def test_workload_of_an_earlier_run_may_not_fit_the_context():
    planned = repeat_sweep(sweep_of(input_len=1000, output_len=1000), PLAN | {"max_model_len": 1024}, seed=7)
    assert [planned.sweep, *(problem.code for problem in planned.problems)] == [None, "too-long"]
