"""The gates of `inferfleet upgrade`: what is refused before anything runs."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from done import Done

Command = Callable[..., Done]
RUN = Path(__file__).parents[2] / "fixtures" / "bench" / "bench.json"


def test_missing_benchmark_is_refused(inferfleet: Command, tmp_path: Path) -> None:
    done = inferfleet("upgrade", "-i", "lab", "--compare", str(tmp_path), "--json")
    (problem,) = json.loads(done.stdout)["problems"]
    assert (done.exit_code, problem["code"]) == (1, "no-run")


def test_invalid_limit_is_refused(inferfleet: Command) -> None:
    done = inferfleet("upgrade", "-i", "lab", "--compare", str(RUN), "--compare-limit", "five", "--json")
    assert [problem["code"] for problem in json.loads(done.stdout)["problems"]] == ["bad-limit"]


@pytest.mark.parametrize("option", [("--reference", "deepseek-r1"), ("--within", "3"), ("--dataset-limit", "5")])
def test_options_of_an_evaluation_need_one(inferfleet: Command, option: tuple[str, str]) -> None:
    done = inferfleet("upgrade", "-i", "lab", *option)
    assert done.exit_code == 1
    assert "--evaluate" in done.stderr
