"""Comparison of two runs."""

import pytest

from inferfleet.bench import compare
from inferfleet.bench.compare import changed_settings, differences


def regressed(comparison):
    return {(change.concurrency, change.metric) for change in comparison.regressions}


def test_identical_runs_have_no_changes(run):
    same = compare(run, run, 0)
    assert (same.problems, same.regressions, same.differences, same.notes) == ([], [], [], [])
    assert {change.change for change in same.changes if change.metric != "failed"} == {0}


def test_lower_throughput_is_a_regression(run, slower):
    worse = compare(run, slower(run, 4, throughput=1.25), 0.05)
    assert regressed(worse) == {
        (4, name) for name in ("request_throughput", "output_throughput", "total_token_throughput")
    }
    (change,) = [change for change in worse.regressions if change.metric == "output_throughput"]
    assert change.change == pytest.approx(-0.2)


def test_higher_latency_is_a_regression(run, slower):
    worse = compare(run, slower(run, 1, latency=1.1), 0.05)
    assert regressed(worse) == {(1, f"median_{name}_ms") for name in ("ttft", "tpot", "itl", "e2el")}


def test_improvement_is_no_regression(run, slower):
    assert compare(slower(run, 4, throughput=2, latency=3), run, 0).regressions == []


@pytest.mark.parametrize(("limit", "worse"), [(0.1, 0), (0.0999, 3), (0.2, 0)])
def test_change_of_exactly_the_limit_is_allowed(run, slower, limit, worse):
    assert len(compare(run, slower(run, 1, throughput=1 / 0.9), limit).regressions) == worse


def test_more_failed_requests_are_a_regression_at_any_limit(run, slower):
    assert regressed(compare(run, slower(run, 4, failed=1), 10)) == {(4, "failed")}
    assert compare(slower(run, 4, failed=1), run, 0).regressions == []


@pytest.mark.parametrize("changed", [{"input_len": 64}, {"output_len": 64}, {"ignore_eos": False}])
def test_different_lengths_are_refused(run, changed):
    other = run.model_copy(update={"sweep": run.sweep.model_copy(update=changed)})
    (problem,) = compare(run, other, 1).problems
    ((name, value),) = changed.items()
    assert problem.code == "other-shape"
    assert f"{name} {value}" in problem.message


def test_no_common_concurrency_is_refused(run):
    one, four = (run.model_copy(update={"measurements": (measured,)}) for measured in run.measurements)
    (problem,) = compare(one, four, 1).problems
    assert problem.message.endswith("the first measured 1, the second 4.")


def test_concurrency_of_one_run_is_noted(run):
    one = run.model_copy(update={"measurements": run.measurements[:1], "ended": ""})
    compared = compare(run, one, 1)
    assert {change.concurrency for change in compared.changes} == {1}
    assert [str(note) for note in compared.notes] == [
        "Only the first run measured concurrency 4.",
        "The second run was interrupted.",
    ]


def test_different_request_counts_are_noted(run):
    more = run.measured(run.measurements[1].model_copy(update={"num_prompts": 40, "completed": 40}))
    assert [str(note) for note in compare(run, more, 1).notes] == [
        "The runs sent different numbers of requests at concurrency 4 (4 and 40)."
    ]


def test_presets_with_equal_lengths_are_comparable(run):
    other = run.model_copy(update={"sweep": run.sweep.model_copy(update={"preset": "mine"})})
    assert [str(note) for note in compare(run, other, 1).notes] == ["The presets differ in name only: smoke and mine."]


def test_different_settings_are_listed(run):
    newer = run.model_copy(
        update={"plan": run.plan | {"engine_version": "0.33.0"}, "versions": run.versions | {"image": "vllm:0.33.0"}}
    )
    found = {difference.name: (difference.first, difference.second) for difference in differences(run, newer)}
    assert found == {"engine_version": ("0.32.0", "0.33.0"), "image": (run.versions["image"], "vllm:0.33.0")}


def test_changed_settings_of_a_plan(run):
    assert changed_settings(run.plan, dict(run.plan)) == []
    assert [str(text) for text in changed_settings(run.plan, run.plan | {"tensor_parallel_size": 4})] == [
        "tensor_parallel_size was 2 and is 4",
    ]
