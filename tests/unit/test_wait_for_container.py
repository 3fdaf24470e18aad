"""What an error message quotes of a container's log."""

import importlib.util
from pathlib import Path

import pytest

FILE = Path(__file__).parents[2] / "plugins/action/wait_for_container.py"
spec = importlib.util.spec_from_file_location("wait_for_container", FILE)
wait_for_container = importlib.util.module_from_spec(spec)
spec.loader.exec_module(wait_for_container)


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("", ""),
        ("start\nRuntimeError: broken\n\n", "start\nRuntimeError: broken"),
        ("  0%| | 0/163\r  5%| | 8/163\r\n100%| | 163/163", "100%| | 163/163"),
        (f"{'a' * 1500}\n{'b' * 600}\nlast", f"{'b' * 600}\nlast"),
    ],
)
def test_only_complete_lines_are_quoted(text, lines):
    assert wait_for_container.last_lines(text).strip() == lines.strip()
