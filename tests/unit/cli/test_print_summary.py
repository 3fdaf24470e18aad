"""The summary on a terminal of 80 columns and in a pipe, also in Chinese."""

import io
from collections.abc import Iterator

import pytest
from rich.cells import cell_len
from rich.console import Console

from inferfleet.cli.output.print_summary import print_summary
from inferfleet.cli.output.row import Row, table_rows
from inferfleet.cli.output.summary import Summary
from inferfleet.messages import Message, use_language

PATH = "/site/inventories/site/.secrets/gateway_ca.pem"
LABEL = "a check with a name as long as a sentence, at node1"


@pytest.fixture(autouse=True)
def language() -> Iterator[None]:
    yield
    use_language("en")


def printed(*, terminal: bool) -> str:
    output = io.StringIO()
    console = Console(file=output, width=80, force_terminal=terminal, color_system=None)
    blocks = [[Row(LABEL, "answered", holds=True)], [Row("CA certificate", PATH)]]
    print_summary(console, Summary(heading="served", good=True, blocks=blocks))
    return output.getvalue()


def test_long_labels_leave_room_for_paths_on_a_terminal() -> None:
    lines = printed(terminal=True).splitlines()
    assert [line for line in lines if PATH in line and "CA certificate" in line]
    assert [line for line in lines if "answered" in line]
    assert all(cell_len(line) <= 80 for line in lines)


@pytest.mark.parametrize("length", range(50, 75))
def test_a_path_that_fits_the_line_is_not_divided(length: int) -> None:
    path = "/".ljust(length, "p")
    rows = [Row("model", "r1"), Row("key of the engine in", f"root, password in {path}"), Row("API", "http://n1")]
    output = io.StringIO()
    console = Console(file=output, width=80, force_terminal=True, color_system=None)
    print_summary(console, Summary(heading="served", good=True, blocks=[rows]))
    lines = [line.strip() for line in output.getvalue().splitlines()[2:-1]]
    assert [line.split() for line in (lines[0], lines[-1])] == [["model", "r1"], ["API", "http://n1"]]
    assert lines[0].index("r1") == lines[-1].index("http")
    assert [line for line in lines if path in line]


@pytest.mark.parametrize(("code", "line"), [("en", f"  CA certificate: {PATH}"), ("zh", f"  CA certificate：{PATH}")])
def test_labels_in_a_pipe_have_the_colon_of_the_language(code: str, line: str) -> None:
    use_language(code)
    assert line in printed(terminal=False).splitlines()


def test_tables_in_a_pipe_are_aligned() -> None:
    rows = table_rows(["客户端", "open-webui"], [["请求数", "429"], ["1,345", "0"]])
    output = io.StringIO()
    print_summary(Console(file=output, width=80), Summary(heading="served", good=True, blocks=[rows]))
    assert output.getvalue().splitlines()[-2:] == ["  客户端      请求数  429", "  open-webui   1,345    0"]


@pytest.mark.parametrize(("name", "text"), [("网关", "node1 上的网关"), ("rank", "node1 上的 rank")])
def test_chinese_has_a_space_next_to_latin_words_only(name: str, text: str) -> None:
    shown = Message("", "{component} on {host}", component=name, host="node1")
    assert shown.render("zh") == text
