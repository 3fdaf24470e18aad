"""Table of symptoms in docs/en/troubleshooting.md, generated from the catalog."""

from collections.abc import Iterator
from pathlib import Path

from inferfleet.doctor import Symptom, load_symptoms

TARGET = Path(__file__).resolve().parents[1] / "docs" / "en" / "troubleshooting.md"
BEGIN, END = "<!-- written by `make references` -->", "<!-- end -->"


def outputs() -> Iterator[tuple[Path, str]]:
    """Yield the file with an updated table."""
    current = TARGET.read_text("utf-8")
    before, rest = current.split(BEGIN)
    yield TARGET, f"{before}{BEGIN}\n\n{table(load_symptoms())}\n\n{END}{rest.split(END)[1]}"


def table(symptoms: tuple[Symptom, ...]) -> str:
    """Return the table in the order of the layers."""
    lines = ["| Symptom | Title | Severity | Cause | Remedy |", "|---|---|---|---|---|"]
    for symptom in symptoms:
        name = f"[`{symptom.id}`]({symptom.sources[0]})"
        cells = (name, symptom.title, str(symptom.severity), symptom.cause, symptom.remedy)
        lines.append(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |")
    return "\n".join(lines)
