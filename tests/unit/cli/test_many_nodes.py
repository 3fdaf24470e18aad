"""What a terminal shows of 32 nodes, and of logs with control characters."""

from rich.console import Console

from inferfleet.cli.output.log_lines import LogLines
from inferfleet.cli.output.watch import GpuRow, ReplicaRow, by_node, picture
from inferfleet.sessions import Entry

NODES = [f"gpu{number:02}" for number in range(32)]
GPUS = [GpuRow(node, index, 50.0 + index, 1024, 2048, 100, 40.0 + index) for node in NODES for index in range(8)]


def test_gpus_of_a_node_are_one_row():
    rows = by_node([*GPUS, GpuRow("cpu", 0, None, None, None, None, None)])
    assert rows[0] == GpuRow("gpu00", "0-7", 53.5, 8192, 16384, 800, 47)
    assert rows[-1] == GpuRow("cpu", 0, None, None, None, None, None)
    assert [row.node for row in rows] == [*NODES, "cpu"]


def test_silent_nodes_are_above_the_gpus():
    console = Console(width=100)
    with console.capture() as shown:
        console.print(picture([ReplicaRow("r1", "serving", 1, 0)], GPUS, {"gpu07": "no report"}))
    lines = shown.get().splitlines()
    assert len(lines) < 40
    assert [line.split(":")[0] for line in lines].index("gpu07") < 4


def test_control_characters_do_not_reach_the_terminal(capsys):
    lines = LogLines(Console(force_terminal=True, color_system=None, width=100), ["n1"], {}, as_json=False)
    lines.show(Entry("2026-01-01T00:00:00.000000000Z", "n1", "x", "a\x1b]0;title\x07b\x9bc"), "engine")
    assert capsys.readouterr().out.endswith(" a]0;titlebc\n")
