"""Generate the dark variant of the architecture picture from the light one."""

from collections.abc import Iterator
from pathlib import Path

_IMAGES = Path(__file__).resolve().parents[1] / "docs" / "en" / "images"
_COLORS = {
    "#ffffff": "#0d1117",  # background
    "#f6f8fa": "#161b22",  # groups
    "#d0d7de": "#3d444d",  # lines of groups
    "#1f2328": "#e6edf3",  # text
    "#59636e": "#9198a1",  # notes
    "#e0f2f1": "#0b3b38",  # boxes
    "#00796b": "#4db6ac",  # lines of boxes, arrows
}


def outputs() -> Iterator[tuple[Path, str]]:
    """Yield the generated file with its content."""
    text = (_IMAGES / "architecture.svg").read_text("utf-8")
    for light, dark in _COLORS.items():
        text = text.replace(light, dark)
    yield _IMAGES / "architecture-dark.svg", text
