"""The results of commands as a terminal of 80 and of 200 columns and a pipe show them, in both languages.

tests/fixtures/results has what the commands returned on the test cluster (`--json`).
"""

import io
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from rich.cells import cell_len
from rich.console import Console

from inferfleet.cli.output.log_lines import LogLines
from inferfleet.cli.output.print_summary import print_summary
from inferfleet.cli.output.row import Row
from inferfleet.cli.output.summary import Summary
from inferfleet.cli.output.watch import GpuRow, ReplicaRow, heading, picture
from inferfleet.cli.registry import discover
from inferfleet.fabric import Limits, evaluate_fabric
from inferfleet.messages import use_language
from inferfleet.sessions import Entry

RECORDED = Path(__file__).parents[2] / "fixtures/results"
COMMANDS = {command.name: command for command in discover()}
CLOSING = tuple("，。、；：？！）》」』】")
COLORS = re.compile("\x1b\\[[0-9;]*m")
# Seconds of 1 KiB and 64 MiB over the virtual Ethernet of two container nodes, of which no device knows a rate.
MEASURED = {
    "backend": "nccl",
    "world_size": 2,
    "nodes": ["node1", "node2"],
    "all_reduce": [{"bytes": 1 << 10, "seconds": 87e-6}, {"bytes": 64 << 20, "seconds": 0.036}],
    "pairs": [
        {"from": sender, "to": receiver, "lane": 0, "bytes": size, "seconds": seconds}
        for sender, receiver, large in (("node1", "node2", 0.0245), ("node2", "node1", 0.0202))
        for size, seconds in ((1 << 10, 60e-6), (64 << 20, large))
    ],
}
LINE = "INFO 11-28 14:49:31 [loggers.py:335] 引擎 000: Avg prompt throughput: 0.6 tokens/s, Running: 0 reqs " * 2


@pytest.fixture(params=["en", "zh"])
def language(request: pytest.FixtureRequest) -> Iterator[str]:
    use_language(request.param)
    yield request.param
    use_language("en")


def blocks(name: str) -> list[list[Row]]:
    """Return the rows of a command's recorded result."""
    if name == "fabric":
        report = evaluate_fabric(MEASURED, {node: {} for node in ("node1", "node2")}, "tcp", Limits(), 42)
        result: Any = {"fabric": report.as_dict()}
    else:
        result = json.loads((RECORDED / f"{name}.json").read_text("utf-8"))
    return COMMANDS[name].summarize(result, True)


def printed(name: str, columns: int, *, terminal: bool) -> list[str]:
    output = io.StringIO()
    console = Console(file=output, width=columns, force_terminal=terminal, color_system="truecolor")
    print_summary(console, Summary(heading="OK", good=True, blocks=blocks(name)))
    return output.getvalue().splitlines()


@pytest.mark.parametrize("columns", [80, 200])
@pytest.mark.parametrize("name", ["status", "usage", "events", "fabric"])
def test_result_fits_the_terminal(language: str, name: str, columns: int) -> None:
    lines = [COLORS.sub("", line) for line in printed(name, columns, terminal=True)]
    assert len(lines) > 3
    assert [line for line in lines if cell_len(line) > columns] == []
    assert [line for line in lines if line.strip().startswith(CLOSING)] == []
    if columns == 200:
        texts = [text for block in blocks(name) for row in block for text in (row.label, row.text) if text]
        assert [text for text in texts if not any(text in line for line in lines)] == []


@pytest.mark.parametrize("name", ["status", "usage", "events", "fabric"])
def test_result_in_a_pipe_has_a_line_for_each_row_whatever_the_width(language: str, name: str) -> None:
    narrow, wide = (printed(name, columns, terminal=False) for columns in (80, 200))
    assert narrow == wide
    assert [line for line in narrow if "\x1b" in line or line != line.rstrip()] == []
    for row in (row for block in blocks(name) for row in block):
        assert [line for line in narrow if row.label in line and row.text in line], row


@pytest.mark.parametrize("columns", [80, 200])
def test_live_view_fits_the_terminal(language: str, columns: int) -> None:
    replicas = [ReplicaRow(f"h200-0{number}_8000", "serving", 3, 1, 128.0, 17.0, 8274.5, 0.97) for number in (1, 2)]
    gpus = [GpuRow("h200-01", number, 97.0, 130_000.0, 143_771.0, 698.0, 84.0) for number in range(8)]
    output = io.StringIO()
    console = Console(file=output, width=columns, color_system=None)
    console.print(heading("inventories/h200", "14:53:02"))
    console.print(picture(replicas, gpus, {"h200-03": "timed out"}))
    lines = output.getvalue().splitlines()
    assert lines[0].startswith("inventories/h200 · 14:53:02 · ")
    assert len(lines) == 1 + 1 + len(replicas) + 1 + 1 + 1 + len(gpus)
    assert [line for line in lines if cell_len(line) > columns] == []


@pytest.mark.parametrize("terminal", [True, False])
def test_a_log_line_is_one_line_that_a_terminal_wraps(terminal: bool) -> None:
    output = io.StringIO()
    console = Console(file=output, width=80, force_terminal=terminal, color_system=None)
    shown = LogLines(console, ["node1", "node2"], {}, as_json=False)
    shown.show(Entry("2026-11-28T14:49:31.467Z", "node1", "inferfleet-engine", LINE), "engine")
    (line,) = output.getvalue().splitlines()
    assert line == f"2026-11-28 14:49:31.467 node1 engine {LINE}"
