"""From EvalScope's reports to evaluation.json, its problems and its rows. The report is recorded: 18 of 20 answered."""

import json
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from inferfleet.cli.commands.evaluate import evaluation_rows
from inferfleet.evaluate import Evaluation, assess, begin, below_reference, choose_folder, read_settings, unanswered

RECORDED = Path(__file__).parents[2] / "fixtures" / "evalscope" / "general_qa.json"
NOW = datetime(2026, 11, 23, 5, 45, tzinfo=UTC)
REQUEST = {"task": {"datasets": ["general_qa"]}, "plan": {"image": "a"}}


@pytest.fixture
def folder(tmp_path):
    """An evaluation that EvalScope has reported on."""
    place, _ = choose_folder(tmp_path / "results", REQUEST, NOW, resume=True)
    begin(place, REQUEST)
    reports = place / "evalscope" / "reports" / "tiny-r1"
    reports.mkdir(parents=True)
    shutil.copy(RECORDED, reports)
    return place


@pytest.fixture
def settings(given, questions):
    return read_settings({**given, "datasets": [f"general_qa={questions}"]}, questions)[0]


def changed_report(folder, score, answered=20):
    """Write the recorded report with another score."""
    file = folder / "evalscope" / "reports" / "tiny-r1" / RECORDED.name
    report = json.loads(file.read_text())
    report["execution_summary"] |= {"succeeded": answered, "errored": 20 - answered}
    for metric in report["metrics"]:
        metric["score"] = score
    file.write_text(json.dumps(report))


def test_recorded_report(folder, settings, plan):
    evaluation = assess(folder, settings, plan, {"n1": {"accelerator": "cpu"}}, "sha256:1")
    (entry,) = evaluation.datasets
    assert (entry.title, entry.metric, entry.score, entry.margin) == ("General-QA", "rouge-recall-l", 100.0, 8.8)
    assert (entry.questions, entry.answered, entry.failed) == (20, 18, 2)
    assert [(subset.name, subset.score, subset.questions) for subset in entry.subsets] == [("default", 100.0, 18)]
    assert entry.other_scores == {"rouge-precision-l": 100.0, "rouge-f1-l": 100.0}
    assert (evaluation.complete, evaluation.started, evaluation.versions["image_digest"]) == (False, NOW, "sha256:1")
    assert evaluation.settings["max_tokens"] == 32768
    assert (evaluation.usage.input_tokens, evaluation.usage.output_tokens) == (90, 126)
    (missing,) = unanswered(evaluation, str(folder))
    assert (missing.code, missing.message) == ("answers-missing", "general_qa: 2 of 20 answers are missing.")


def test_evaluation_file_round_trip(folder, settings, plan):
    evaluation = assess(folder, settings, plan, {}, "")
    text = (folder / "evaluation.json").read_text()
    assert json.loads(text)["schema"] == 1
    assert Evaluation.model_validate_json(text) == evaluation


def test_missing_report_has_no_answers(folder, settings, plan):
    shutil.rmtree(folder / "evalscope")
    evaluation = assess(folder, settings, plan, {}, "")
    assert not evaluation.complete
    assert [str(p.message) for p in unanswered(evaluation, "")] == ["general_qa: 3 of 3 answers are missing."]


@pytest.mark.parametrize(("score", "holds"), [(1.0, True), (0.97, True), (0.9699, False), (0.5, False)])
def test_within_three_points_of_an_earlier_run(folder, settings, plan, score, holds):
    changed_report(folder, 1.0)
    earlier = folder.parent / "earlier.json"
    assess(folder, settings, plan, {}, "")
    (folder / "evaluation.json").rename(earlier)
    changed_report(folder, score)
    compared = settings.model_copy(update={"reference": str(earlier)})
    evaluation = assess(folder, compared, plan, {}, "")
    assert evaluation.holds is holds
    assert [problem.code for problem in below_reference(evaluation)] == ([] if holds else ["below-reference"])
    if not holds:
        points = f"{100 - 100 * score:g}"
        (problem,) = below_reference(evaluation)
        assert problem.message == (
            f"general_qa scores {100 * score:g} %, {points} points below the 100 % of {earlier}; 3 are allowed."
        )


def test_resume_interrupted_evaluation(folder, settings, plan, tmp_path):
    later = NOW + timedelta(hours=1)

    def chosen(request, resume=True):
        return choose_folder(tmp_path / "results", request, later, resume=resume)

    new = (tmp_path / "results" / "20261123T064500Z", False)
    assert chosen(REQUEST) == (folder, True)
    assert chosen({**REQUEST, "plan": {"image": "b"}}) == new
    assert chosen(REQUEST, resume=False) == new
    assess(folder, settings, plan, {}, "")
    assert chosen(REQUEST) == (folder, True), "two questions are missing"
    changed_report(folder, 1.0)
    assess(folder, settings, plan, {}, "")
    assert chosen(REQUEST) == new


def test_rows(folder, settings, plan):
    earlier = folder.parent / "earlier.json"
    changed_report(folder, 1.0)
    assess(folder, settings, plan, {}, "")
    (folder / "evaluation.json").rename(earlier)
    changed_report(folder, 0.5)
    evaluation = assess(folder, settings.model_copy(update={"reference": str(earlier)}), plan, {}, "")
    rows = evaluation_rows({**evaluation.model_dump(mode="json"), "folder": "results/x"})
    assert [(row.label, row.text, row.tone) for row in rows[:2]] == [
        ("data set", " score  margin  questions  failed  reference  metric", ""),
        ("general_qa", "50.0 %   ±20.1         20       0  100 (-50)  rouge-recall-l", "bad"),
    ]
    assert [(row.label, row.text) for row in rows[-2:]] == [
        ("tokens", "90 input, 126 output, 0.086 s per answer"),
        ("saved in", "results/x"),
    ]


@pytest.mark.parametrize("other", [None, {}, [], "x", {"datasets": []}])
def test_other_results_have_no_rows(other):
    assert evaluation_rows(other) == []
