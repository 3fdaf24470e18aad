"""`inferfleet bench --compare`, and usage errors of the command."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from done import Done

RUN = Path(__file__).parents[2] / "fixtures" / "bench" / "bench.json"
Command = Callable[..., Done]


@pytest.fixture
def slower(tmp_path: Path) -> Path:
    """The recorded run with a tenth less of output tokens a second at concurrency 4."""
    run = json.loads(RUN.read_text())
    run["measurements"][1]["output_throughput"] *= 0.9
    run["versions"]["image"] = "vllm:next"
    (tmp_path / "bench.json").write_text(json.dumps(run))
    return tmp_path


def compare(inferfleet: Command, first: Path, second: Path, *options: str) -> Done:
    return inferfleet("bench", "--compare", str(first), str(second), *options)


def test_identical_runs_have_no_regression(inferfleet: Command) -> None:
    done = compare(inferfleet, RUN, RUN.parent)
    assert done.exit_code == 0
    assert "No metric regressed by more than 5 %." in done.stdout


def test_regression_exits_with_code_6(inferfleet: Command, slower: Path) -> None:
    done = compare(inferfleet, RUN, slower)
    assert done.exit_code == 6
    assert "1 metric regressed by more than 5 %." in done.stdout
    assert "-10.0% worse" in done.stdout
    assert "differs: image:" in done.stdout


def test_wider_limit_accepts_the_regression(inferfleet: Command, slower: Path) -> None:
    assert compare(inferfleet, RUN, slower, "--limit", "10%").exit_code == 0
    assert compare(inferfleet, RUN, slower, "-l", "9.9").exit_code == 6


def test_json_document(inferfleet: Command, slower: Path) -> None:
    done = compare(inferfleet, RUN, slower, "--json")
    document = json.loads(done.stdout)
    assert (document["outcome"], document["exit_code"], document["limit"]) == ("threshold_not_met", 6, 0.05)
    (worse,) = [change for change in document["changes"] if change["regressed"]]
    assert (worse["concurrency"], worse["metric"], round(worse["change"], 3)) == (4, "output_throughput", -0.1)
    assert [run["sweep"]["preset"] for run in document["runs"]] == ["smoke", "smoke"]
    assert document["differences"][0]["name"] == "image"


@pytest.mark.parametrize("limit", ["five", "-1%", "nan", "inf", "%"])
def test_invalid_limit_is_refused(inferfleet: Command, limit: str) -> None:
    done = compare(inferfleet, RUN, RUN, f"--limit={limit}")
    assert done.exit_code == 1
    assert f"--limit is {limit!r}" in done.stderr


def test_runs_of_different_workloads_are_refused(inferfleet: Command, slower: Path) -> None:
    run = json.loads(RUN.read_text())
    run["sweep"]["output_len"] = 1024
    (slower / "bench.json").write_text(json.dumps(run))
    done = compare(inferfleet, RUN, slower, "--json")
    assert done.exit_code == 1
    assert json.loads(done.stdout)["problems"][0]["code"] == "other-shape"
    assert "output_len 1024" in done.stderr


def test_missing_run_is_reported(inferfleet: Command, tmp_path: Path) -> None:
    done = compare(inferfleet, RUN, tmp_path / "none")
    assert done.exit_code == 1
    assert f"{tmp_path}/none cannot be read" in done.stderr.replace("\n", "")


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ((), "-i"),
        (("-i", "inventories/demo", "--concurrency", "1,many"), "whole numbers"),
        (("-i", "inventories/demo", "--input-len", "0"), "--input-len"),
        (("-i", "inventories/demo", "--resume", "--preset", "smoke"), "--resume"),
        (("--compare", "one"), "--compare"),
    ],
)
def test_wrong_usage(
    inferfleet: Command, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], text: str
) -> None:
    monkeypatch.delenv("INFERFLEET_INVENTORY", raising=False)
    done = inferfleet("bench", *arguments)
    assert done.exit_code == 1
    assert text in done.stderr
