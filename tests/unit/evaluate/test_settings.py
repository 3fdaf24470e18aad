"""What is asked is checked before anything runs."""

import pytest

from inferfleet.evaluate import questions_of, read_settings
from inferfleet.evaluate.settings import Dataset


def problems(given, folder, **changed):
    return [str(problem) for problem in read_settings({**given, **changed}, folder)[2]]


def test_entries_in_every_form(given, tmp_path, questions):
    entries = [
        "aime24",
        "math_500:Level 1,Level 5",
        f"general_qa={questions}",
        {"name": "gpqa_diamond", "args": {"few_shot_num": 0}},
    ]
    settings, reference, found = read_settings({**given, "datasets": entries}, tmp_path)
    assert (found, reference) == ([], None)
    assert settings.datasets == (
        Dataset(name="aime24"),
        Dataset(name="math_500", subsets=("Level 1", "Level 5")),
        Dataset(name="general_qa", path=str(questions)),
        Dataset(name="gpqa_diamond", args={"few_shot_num": 0}),
    )


def test_folders_are_looked_for_beside_the_inventory(given, questions):
    (dataset,) = read_settings({**given, "datasets": ["general_qa=questions"]}, questions.parent)[0].datasets
    assert dataset.path == str(questions)


@pytest.mark.parametrize(
    ("entry", "says"),
    [
        (
            "math500",
            "is none that EvalScope asks in text. Did you mean math_500",
        ),
        ("math_500:Level 9", "Data set 'math_500' of evaluate_datasets has no subset 'Level 9'. Did you mean Level "),
        ("simple_qa", "is graded by another model, which there is none of here. Choose one"),
        (
            "live_code_bench",
            "runs the programs that the model writes, on this machine and without a sandbox. Set ",
        ),
        ("general_qa", "needs a folder with the questions. Specify it: `--dataset general_qa=/path/to/folder`."),
        ("general_qa=/nowhere", "needs the file /nowhere/default.jsonl, which does not exist."),
        ("general_mcq:law=/nowhere", "needs the file /nowhere/law.jsonl, which does not exist."),
        ("gpqa_diamond=/nowhere", "is to be read from /nowhere, which is no folder."),
        ({"nam": "math_500"}, "has an entry {'nam': 'math_500'}, which is no data set. Write a name, "),
        (3, "has an entry 3, which is no data set."),
    ],
)
def test_a_data_set_that_cannot_be_asked(given, tmp_path, entry, says):
    (problem,) = problems(given, tmp_path, datasets=[entry])
    assert says in problem


def test_code_may_be_allowed(given, tmp_path):
    assert problems(given, tmp_path, datasets=["humaneval"], run_code=True) == []


def test_nothing_asked(given, tmp_path):
    assert problems(given, tmp_path, datasets=[]) == [
        "Variable evaluate_datasets is empty. Specify data sets: `--dataset math_500 --dataset aime24`, or"
        " `evaluate_datasets: [math_500, aime24]`."
    ]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("limit", -1.0), ("limit", 1.5), ("n", 0), ("batch_size", 0), ("max_tokens", 0), ("temperature", 2.1)),
        *(("top_p", 1.1), ("top_k", -1), ("timeout", 0), ("within", 101.0)),
    ],
)
def test_a_number_out_of_its_range(given, tmp_path, name, value):
    (problem,) = problems(given, tmp_path, **{name: value})
    assert problem.startswith(f"Variable evaluate_{name} is {value:g}. Give ")


def test_a_reference_that_is_not_there(given, tmp_path):
    (problem,) = problems(given, tmp_path, reference="deepseek-r2")
    assert problem.startswith(
        "Variable evaluate_reference is 'deepseek-r2', for which there are no published scores. Did you"
    )
    assert "deepseek-r1" in problem


def test_a_reference_without_that_score(given, tmp_path):
    (problem,) = problems(given, tmp_path, reference="deepseek-r1-distill-qwen-7b", datasets=["math_500", "mmlu"])
    assert problem == (
        "Variable evaluate_reference is 'deepseek-r1-distill-qwen-7b', which has no score for 'mmlu'."
        " It has scores for aime24, gpqa_diamond, live_code_bench, math_500."
    )


@pytest.mark.parametrize(("limit", "asked"), [(0, 500), (10, 50), (0.1, 48), (1, 5), (1000, 500)])
def test_how_many_questions(limit, asked):
    # 43, 90, 105, 128 and 134 of the five levels; the limit is for each of them, a share is rounded down.
    assert questions_of(Dataset(name="math_500"), limit) == asked


def test_how_many_of_ones_own(questions):
    dataset = Dataset(name="general_qa", path=str(questions))
    assert [questions_of(dataset, limit) for limit in (0, 2, 0.5)] == [3, 2, 1]
    (questions / "default.csv").write_text('question,answer\n"two\nlines",1\nb,2\n')
    (questions / "default.jsonl").unlink()
    assert questions_of(dataset, 0) == 2
