"""The live display, drawn from events of a real run and on a real terminal."""

import io
import re
import signal
import sys
import time
from pathlib import Path

import pexpect
import pytest
from rich.console import Console

from inferfleet.cli.output.live import Picture
from inferfleet.cli.output.view import STOPPING, Header
from inferfleet.runner.events import Event, Fold
from inferfleet.runner.stages import planned_roles

pytestmark = pytest.mark.slow  # runs ansible-playbook

HEADER = Header("up", "inventories/demo", "ansible-playbook site.yml -i inventories/demo")


def picture_at(demo: Path, events: list[Event], kind: str, *, width: int, height: int, ascii_only: bool = False) -> str:
    """Return the picture right after the first event of that kind."""
    fold = Fold(planned_roles(demo / "site.yml"))
    picture = Picture(HEADER, fold, ascii_only=ascii_only)
    for event in events:
        fold.add(event)
        if event["event"] == kind:
            break
    if kind == "playbook_on_stats":
        fold.result(rc=2)
        picture.finish()
    console = Console(file=io.StringIO(), width=width, height=height, force_terminal=True, no_color=True)
    console.print(picture)
    assert isinstance(console.file, io.StringIO)
    return re.sub(r"\x1b\[[0-9;]*m", "", console.file.getvalue())


@pytest.mark.parametrize(("width", "height"), [(60, 20), (100, 30), (40, 10), (200, 50)])
@pytest.mark.parametrize("kind", ["playbook_on_start", "runner_retry", "runner_on_failed", "playbook_on_stats"])
def test_display_fits_every_terminal(
    demo: Path, failed_events: list[Event], kind: str, width: int, height: int
) -> None:
    lines = picture_at(demo, failed_events, kind, width=width, height=height).splitlines()
    assert len(lines) < height
    assert max(len(line) for line in lines) <= width


def test_download_shows_progress(demo: Path, failed_events: list[Event]) -> None:
    wide = picture_at(demo, failed_events, "runner_retry", width=100, height=30)
    assert re.search(r"^ . Model weights     running", wide, re.MULTILINE)
    assert re.search(r"^     node\d  ━{8}─{8}  50%  344.3 GB of 688.6 GB$", wide, re.MULTILINE)
    narrow = picture_at(demo, failed_events, "runner_retry", width=60, height=20)
    assert re.search(r"^     node\d  50%  344.3 GB of 688.6 GB$", narrow, re.MULTILINE)


def test_total_of_all_nodes_has_a_line(demo: Path, failed_events: list[Event]) -> None:
    """One host is done before the other begins: what both have done does not shrink."""
    last = max(n for n, event in enumerate(failed_events) if event["event"] == "runner_retry")
    events = [*failed_events[: last + 1], {"event": "nothing new"}]
    picture = picture_at(demo, events, "nothing new", width=100, height=30)
    assert re.search(r"^     all nodes  [━─]{16}  \d+%  [\d.]+ (GB|TB) of 1.4 TB", picture, re.MULTILINE), picture


def test_planned_stages_are_shown_from_the_start(demo: Path, failed_events: list[Event]) -> None:
    picture = picture_at(demo, failed_events, "playbook_on_task_start", width=100, height=30)
    assert picture.splitlines()[1].endswith("running       0.0s") or "Connect to hosts  running" in picture
    assert " ○ Inference engine  waiting" in picture


def test_final_display_shows_the_outcome(demo: Path, failed_events: list[Event]) -> None:
    lines = picture_at(demo, failed_events, "playbook_on_stats", width=100, height=30).splitlines()
    assert any(line.startswith(" ✘ Inference engine  failed") for line in lines)
    assert any(line.startswith(" ✔ Node setup        changed") for line in lines)
    assert " ○ Open WebUI        not run" in [line.rstrip() for line in lines]


def test_a_terminal_without_unicode_gets_ascii(demo: Path, failed_events: list[Event]) -> None:
    for kind in ("runner_retry", "playbook_on_stats"):
        assert picture_at(demo, failed_events, kind, width=100, height=30, ascii_only=True).isascii()


def test_ctrl_c_on_a_real_terminal(demo: Path, tmp_path: Path) -> None:
    """All processes of the run end; the stage, the next step and exit code 130 are shown."""
    command = [str(Path(sys.executable).with_name("inferfleet")), "up", "-i", "inventories/demo"]
    marker = "86399.25"
    options = ["--tags", "inference_engine", "-e", f"demo_sleep={marker}"]
    child = pexpect.spawn(
        command[0], [*command[1:], *options], cwd=demo, dimensions=(20, 60), encoding="utf-8", timeout=60
    )
    try:
        child.expect("Hold the run")
        _wait_for_process(f"sleep\0{marker}", present=True)
        child.sendintr()
        child.expect_exact(STOPPING[:20])
        child.expect_exact("interrupted")
        child.expect_exact("Run `inferfleet up` again")
        child.expect(pexpect.EOF)
        child.close()
    finally:
        child.kill(signal.SIGKILL)
    assert child.exitstatus == 130
    _wait_for_process(f"sleep\0{marker}", present=False)


def _wait_for_process(arguments: str, *, present: bool) -> None:
    for _ in range(600):
        found = any(arguments in _read(path) for path in Path("/proc").glob("[0-9]*/cmdline"))
        if found is present:
            return
        time.sleep(0.05)
    raise AssertionError(f"{arguments!r} {'never came' if present else 'lives on'}")


def _read(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""
