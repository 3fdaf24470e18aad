#!/usr/bin/env python3
"""Writes the table of symptoms in docs/doctor.md from the catalog; `--check` only tells whether it is up to date."""

import argparse
import sys
from pathlib import Path

from inferfleet.doctor import Symptom, load_symptoms

TARGET = Path(__file__).resolve().parents[1] / "docs" / "doctor.md"
BEGIN, END = "<!-- written by tools/doctor_doc.py -->", "<!-- end -->"


def table(symptoms: tuple[Symptom, ...]) -> str:
    """Return the table in the order of the layers."""
    lines = ["| Symptom | What it says | Severity | Cause | Remedy |", "|---|---|---|---|---|"]
    for symptom in symptoms:
        name = f"[`{symptom.id}`]({symptom.sources[0]})"
        cells = (name, symptom.title, str(symptom.severity), symptom.cause, symptom.remedy)
        lines.append(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |")
    return "\n".join(lines)


def main() -> int:
    """Write the table, or check it; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; end with 1 where the table is stale")
    check = parser.parse_args().check
    old = TARGET.read_text("utf-8")
    before, rest = old.split(BEGIN)
    text = f"{before}{BEGIN}\n\n{table(load_symptoms())}\n\n{END}{rest.split(END)[1]}"
    if check and text != old:
        print("docs/doctor.md is stale; run `python tools/doctor_doc.py`.", file=sys.stderr)
        return 1
    TARGET.write_text(text, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
