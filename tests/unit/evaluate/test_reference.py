"""The published scores."""

import pytest

from inferfleet.catalog import load_models
from inferfleet.evaluate import EvaluationError
from inferfleet.evaluate.benchmarks import load_benchmarks
from inferfleet.evaluate.reference import find_reference, load_references


def test_every_reference_is_a_catalog_model():
    assert set(load_references()) <= set(load_models())
    assert len(load_references()) == 8


@pytest.mark.parametrize("name", load_references())
def test_every_score_can_be_measured(name):
    reference, benchmarks = load_references()[name], load_benchmarks()
    assert reference.source.startswith("https://")
    for benchmark, score in reference.scores.items():
        assert not benchmarks[benchmark].judge
        assert 0 < score.score <= 100
        assert set(score.args.get("subset_list", ())) <= set(benchmarks[benchmark].subsets)


def test_published_scores():
    assert load_references()["deepseek-r1"].scores["math_500"].score == 97.3
    assert load_references()["deepseek-r1-distill-llama-70b"].scores["live_code_bench"].score == 57.5


@pytest.mark.parametrize(("content", "reason"), [(None, "No such file or directory"), ("{}", "it is not the result")])
def test_invalid_reference_file(tmp_path, content, reason):
    file = tmp_path / "evaluation.json"
    if content:
        file.write_text(content)
    with pytest.raises(EvaluationError, match=reason):
        find_reference(str(file))
