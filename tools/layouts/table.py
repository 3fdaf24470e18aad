"""Table of the results: `python -m tools.layouts.table FOLDER`."""

import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

BETTER = {"latency": "request_ms"}
"""The number that decides for a workload: time of a request; for all others tokens of all requests per second."""


def results(folder: Path) -> list[dict[str, Any]]:
    """Return the results in a folder, in the order of the cases."""
    order = [case["name"] for case in json.loads((folder / "cases.json").read_text("utf-8"))["cases"]]
    found = [json.loads(file.read_text("utf-8")) for file in (folder / "results").glob("*.json")]
    return sorted(found, key=lambda result: order.index(result["case"]["name"]))


def table(found: Iterable[dict[str, Any]]) -> str:
    """Return a Markdown table with one line for each case."""
    lines: list[str] = []
    for result in found:
        case, measured = result["case"], result["measured"]
        name = f"{case['name']}{' (first choice)' if case['first_choice'] else ''}"
        numbers = [f"{key}: {_number(key, values)}" for key, values in measured.items()]
        ready = [f"ready: {max(result['ready_seconds']):.0f} s"] if result.get("ready_seconds") else []
        error = [result["error"]] if "error" in result else []
        lines.append(f"| {name} | {', '.join([*numbers, *ready, *error])} |")
    return "\n".join(["| Case | Measured |", "|---|---|", *lines])


def _number(workload: str, values: dict[str, float]) -> str:
    """Return the number that decides for a workload."""
    key = BETTER.get(workload.rsplit("-", 1)[0], "output_tokens_per_second")
    return f"{values[key] / 1000:.2f} s" if key == "request_ms" else f"{values[key]:.0f} tokens/s"


if __name__ == "__main__":
    print(table(results(Path(sys.argv[1]))))
