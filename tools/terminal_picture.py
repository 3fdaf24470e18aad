"""Convert terminal output to an SVG image for the documentation.

    tmux capture-pane -p -e -t PANE | python tools/terminal_picture.py docs/en/images/deployment.svg --title "..."

Reads text with ANSI colors from standard input.
"""

import argparse
import re
import sys
from pathlib import Path

from rich.console import Console
from rich.text import Text


def main() -> None:
    """Write the image."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--title", default="inferfleet")
    parser.add_argument("--width", type=int, default=100, help="columns")
    options = parser.parse_args()
    console = Console(record=True, width=options.width, file=sys.stderr, force_terminal=True)
    console.print(Text.from_ansi(sys.stdin.read().rstrip()))
    picture = console.export_svg(title=options.title)
    # Rich loads its font from a CDN; the fonts of the reader's system are as good.
    options.out.write_text(re.sub(r"@font-face \{.*?\}\s*", "", picture, flags=re.DOTALL), "utf-8")


if __name__ == "__main__":
    main()
