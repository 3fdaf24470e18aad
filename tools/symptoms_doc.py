"""Table of symptoms in troubleshooting.md of both languages, generated from the catalog."""

from collections.abc import Iterator
from pathlib import Path

from inferfleet.doctor import Symptom, load_symptoms
from inferfleet.messages import N_, gettext

DOCS = Path(__file__).resolve().parents[1] / "docs"
BEGIN, END = "<!-- written by `make references` -->", "<!-- end -->"
_COLUMNS = (N_("Symptom"), N_("Title"), N_("Severity"), N_("Cause"), N_("Remedy"))
_LANGUAGES = ("en", "zh")


def outputs() -> Iterator[tuple[Path, str]]:
    """Yield each page with an updated table."""
    for language in _LANGUAGES:
        page = DOCS / language / "troubleshooting.md"
        before, rest = page.read_text("utf-8").split(BEGIN)
        yield page, f"{before}{BEGIN}\n\n{table(load_symptoms(), language)}\n\n{END}{rest.split(END)[1]}"


def table(symptoms: tuple[Symptom, ...], language: str) -> str:
    """Return the table in the order of the layers."""
    lines = [f"| {' | '.join(gettext(column, language) for column in _COLUMNS)} |", "|---|---|---|---|---|"]
    for symptom in symptoms:
        texts = (symptom.title, str(symptom.severity), symptom.cause, symptom.remedy)
        cells = (f"[`{symptom.id}`]({symptom.sources[0]})", *(gettext(text, language) for text in texts))
        lines.append(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |")
    return "\n".join(lines)
