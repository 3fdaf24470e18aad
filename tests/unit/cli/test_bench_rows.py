"""The benchmark table: row by row during the run, and complete at the end."""

import io
import json
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from inferfleet.bench.table import HEAD, LABEL
from inferfleet.cli.commands.bench import bench_rows
from inferfleet.cli.output.live import Picture
from inferfleet.cli.output.objects import ProgressView
from inferfleet.cli.output.plain import PlainView
from inferfleet.cli.output.view import Header
from inferfleet.messages import Message
from inferfleet.runner.events import Fold
from inferfleet.runner.result import TableRow

HEADER = Header("bench", "inventories/lab", "ansible-playbook playbooks/bench.yml -i inventories/lab")
RUN = Path(__file__).parents[2] / "fixtures" / "bench" / "bench.json"
ROWS = [{"label": LABEL, "text": "req/s"}, {"label": "1", "text": "0.49"}, {"label": "16", "text": "1.78"}]


def events() -> list[dict[str, Any]]:
    """Return the events of a stage whose tasks return one row each, and of another one after it."""
    made: list[dict[str, Any]] = [{"event": "playbook_on_start", "created": "2026-11-23T06:00:00"}]
    for number, row in enumerate([*ROWS, None]):
        task = {"task_uuid": str(number), "name": f"task {number}", "role": "bench" if row else "verify", "play": "p"}
        made.append({"event": "playbook_on_task_start", "event_data": task})
        result = {"inferfleet_rows": [row]} if row else {}
        done = {"task_uuid": str(number), "host": "node1", "task": task["name"], "res": result, "duration": 1.0}
        made.append({"event": "runner_on_ok", "event_data": done})
    return [{"created": "2026-11-23T06:00:01", **event} for event in made]


def test_rows_belong_to_their_stage() -> None:
    fold = Fold()
    for event in events():
        fold.add(event)
    assert fold.stages["bench"].rows == [TableRow(Message("", row["label"]), Message("", row["text"])) for row in ROWS]
    assert fold.stages["verify"].rows == []


@pytest.mark.parametrize("given", [None, [], [None], ["x"]])
def test_invalid_rows_are_ignored(given: Any) -> None:
    fold = Fold()
    for event in events()[:2]:
        fold.add(event)
    result = {"task_uuid": "0", "host": "node1", "res": {"inferfleet_rows": given}}
    fold.add({"event": "runner_on_ok", "event_data": result})
    assert fold.stages["bench"].rows == []


def drawn(count: int, *, height: int = 30) -> list[str]:
    fold, picture = Fold(), None
    for event in events()[:count]:
        fold.add(event)
    picture = Picture(HEADER, fold)
    return [str(line) for line in picture.lines(0.0, 80, height)]


def test_terminal_shows_rows_below_their_stage() -> None:
    lines = drawn(5)
    at = next(number for number, line in enumerate(lines) if "Benchmark" in line)
    assert lines[at + 1 : at + 3] == ["     concurrency  req/s", "               1  0.49"]
    assert not any("1.78" in line for line in lines)


def test_rows_remain_after_the_stage() -> None:
    lines = drawn(99)
    benchmark = next(number for number, line in enumerate(lines) if "Benchmark" in line)
    assert lines[benchmark + 3] == "              16  1.78"
    assert "Verification" in lines[benchmark + 4]


def test_plain_lines_show_each_row_once() -> None:
    console = Console(file=io.StringIO(), width=80)
    fold = Fold()
    with PlainView(console, HEADER, fold) as view:
        for event in events():
            fold.add(event)
            view.on_event(event)
    assert isinstance(console.file, io.StringIO)
    lines = console.file.getvalue().splitlines()
    assert [line for line in lines if "0.49" in line] == ["[    1.0s]           1 0.49"]
    assert sum("req/s" in line for line in lines) == 1


def test_json_progress_has_one_object_per_row() -> None:
    file, fold = io.StringIO(), Fold()
    with ProgressView(file, HEADER, fold) as view:
        for event in events():
            fold.add(event)
            view.on_event(event)
    objects = [json.loads(line) for line in file.getvalue().splitlines()]
    assert [(item["stage"], item["label"], item["text"]) for item in objects if item["event"] == "row"] == [
        ("bench", row["label"], row["text"]) for row in ROWS
    ]


def test_the_summary_has_the_table_and_the_folder() -> None:
    rows = bench_rows(json.loads(RUN.read_text()) | {"folder": "inventories/lab/.results/bench/20261123T060524Z"})
    assert [row.label for row in rows] == [LABEL, "          1", "          4", "saved in"]
    assert rows[0].text == HEAD
    assert rows[1].text.split()[:2] == ["0.49", "15.5"]
    assert rows[-1].text.endswith("20261123T060524Z")


@pytest.mark.parametrize("report", [None, [], "x"])
def test_invalid_report_has_no_rows(report: Any) -> None:
    assert bench_rows(report) == []
