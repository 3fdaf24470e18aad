"""The examples of CONTRIBUTING.md."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
_FENCE = re.compile(r"^```(?:yaml|python)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_PATH = re.compile(r"`(src/[^`<]+\.(?:yml|py))`")


def sections() -> dict[str, str]:
    """Return the text of each section `Add …` by its heading."""
    parts = (ROOT / "CONTRIBUTING.md").read_text().split("\n## ")
    return {part.partition("\n")[0]: part.partition("\n")[2].strip() for part in parts if part.startswith("Add ")}


def examples(heading: str) -> dict[Path, str]:
    """Return the example files of a section by their path in the repository.

    The path is that in the first line of the section, or in the line before the example.
    """
    text = sections()[heading]
    found = {}
    for fence in _FENCE.finditer(text):
        before = text[: fence.start()].strip().splitlines()
        path = _PATH.fullmatch(before[-1].rstrip(":")) or _PATH.search(before[0])
        assert path, f"{heading}: no path of an example"
        found[Path(path[1])] = fence[1]
    return found


def example(heading: str) -> str:
    """Return the only example of a section."""
    (text,) = examples(heading).values()
    return text
