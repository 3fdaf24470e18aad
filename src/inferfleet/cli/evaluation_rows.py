"""The rows of a summary that tell how right the model answered."""

from collections.abc import Mapping
from typing import Any

from inferfleet.cli.row import Row

_SUBSETS_SHOWN = 12


def evaluation_rows(evaluation: Any) -> list[Row]:
    """Return the table of scores; none where `evaluation` is something else."""
    if not isinstance(evaluation, Mapping) or not evaluation.get("datasets"):
        return []
    compared = bool(evaluation.get("reference"))
    cells = [_heads(compared)]
    labels = [("data set", "")]
    for entry in evaluation["datasets"]:
        comparison = entry.get("comparison")
        cells.append(_cells(entry, compared))
        labels.append((entry["name"], "bad" if comparison and not comparison["holds"] else ""))
        subsets = entry["subsets"] if len(entry["subsets"]) > 1 else []
        for subset in subsets[:_SUBSETS_SHOWN]:
            cells.append((_percent(subset["score"]), "", str(subset["questions"]), "", "", *([""] if compared else [])))
            labels.append((f"  {subset['name']}", ""))
        if len(subsets) > _SUBSETS_SHOWN:
            cells.append((f"and {len(subsets) - _SUBSETS_SHOWN} more subsets", *[""] * (len(cells[0]) - 1)))
            labels.append(("…", ""))
    return [*_table(labels, cells), *_notes(evaluation)]


def _heads(compared: bool) -> tuple[str, ...]:
    return ("score", "margin", "questions", "failed", *(["reference"] if compared else []), "metric")


def _cells(entry: Mapping[str, Any], compared: bool) -> tuple[str, ...]:
    comparison = entry.get("comparison")
    against = f"{comparison['score']:g} ({comparison['difference']:+g})" if comparison else "–"
    margin = entry.get("margin")
    return (
        _percent(entry["score"]) if entry["answered"] else "–",
        f"±{margin:g}" if margin is not None else "",
        str(entry["questions"]),
        str(entry["failed"]),
        *([against] if compared else []),
        entry["metric"],
    )


def _table(labels: list[tuple[str, str]], cells: list[tuple[str, ...]]) -> list[Row]:
    last = len(cells[0]) - 1
    widths = [max(len(row[n]) for row in cells if any(row[1:])) for n in range(last)]
    rows = []
    for (label, tone), row in zip(labels, cells, strict=True):
        line = "  ".join([*(cell.rjust(width) for cell, width in zip(row, widths, strict=False)), row[last]]).rstrip()
        rows.append(Row(label, line, tone))
    return rows


def _notes(evaluation: Mapping[str, Any]) -> list[Row]:
    usage, reference = evaluation.get("usage") or {}, evaluation.get("reference")
    rows = []
    if reference:
        rows.append(Row("reference", f"{reference['name']}, within {reference['within']:g} points"))
        rows.append(Row("", "; ".join(filter(None, [reference["source"], reference["conditions"]]))))
    if usage.get("output_tokens"):
        mean = f", {usage['mean_latency_s']:g} s an answer" if usage.get("mean_latency_s") else ""
        rows.append(Row("tokens", f"{usage['input_tokens']:,} in, {usage['output_tokens']:,} out{mean}"))
    if evaluation.get("folder"):
        rows.append(Row("result in", str(evaluation["folder"])))
    return rows


def _percent(score: float) -> str:
    return f"{score:.1f} %"
