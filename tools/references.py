"""Generate the reference pages of docs/ and the defaults from the code, or compare them with `--check`.

python -m tools.references
python -m tools.references --check
"""

import argparse
import sys
from pathlib import Path

from tools import (
    alerts_doc,
    architecture_doc,
    components_doc,
    exit_codes_doc,
    json_doc,
    options_doc,
    roles_doc,
    settings_doc,
    support_doc,
    symptoms_doc,
)

ROOT = Path(__file__).resolve().parents[1]
_SOURCES = (
    alerts_doc,
    architecture_doc,
    components_doc,
    exit_codes_doc,
    json_doc,
    options_doc,
    roles_doc,
    settings_doc,
    support_doc,
    symptoms_doc,
)


def main() -> int:
    """Write the files, or compare them; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing; exit with code 1 if a file differs")
    check = parser.parse_args().check
    contents = {path: text for source in _SOURCES for path, text in source.outputs()}
    outdated = [path for path, text in contents.items() if not path.is_file() or path.read_text("utf-8") != text]
    for path in outdated:
        if check:
            print(f"{path.relative_to(ROOT)} is outdated; run `make references`.", file=sys.stderr)
        else:
            path.write_text(contents[path], "utf-8")
    return int(check and bool(outdated))


if __name__ == "__main__":
    sys.exit(main())
