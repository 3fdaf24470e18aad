"""Table of the results: `python -m tools.layouts.table FOLDER`."""

import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

BETTER = {"latency": "request_ms", "throughput": "output_tokens_per_second"}
"""The number that decides for each workload: time of a request, or tokens of all requests per second."""


def results(folder: Path) -> list[dict[str, Any]]:
    """Return the results in a folder, in the order of the cases."""
    order = [case["name"] for case in json.loads((folder / "cases.json").read_text("utf-8"))["cases"]]
    found = [json.loads(file.read_text("utf-8")) for file in (folder / "results").glob("*.json")]
    return sorted(found, key=lambda result: order.index(result["case"]["name"]))


def table(found: Iterable[dict[str, Any]]) -> str:
    """Return a Markdown table with one line for each case."""
    lines = [
        "| Case | Request, 1 at once | Request, 4 at once | Tokens per second, 64 at once | Ready |",
        "|---|---|---|---|---|",
    ]
    for result in found:
        case, measured = result["case"], result["measured"]
        name = f"{case['name']}{' (first choice)' if case['first_choice'] else ''}"
        if "error" in result:
            lines.append(f"| {name} | {result['error']} | | | |")
            continue
        times = [f"{measured[f'latency-{n}']['request_ms'] / 1000:.2f} s" for n in (1, 4)]
        rate = f"{measured['throughput-64']['output_tokens_per_second']:.0f}"
        ready = f"{max(result['ready_seconds']):.0f} s"
        lines.append(f"| {' | '.join([name, *times, rate, ready])} |")
    return "\n".join(lines)


if __name__ == "__main__":
    print(table(results(Path(sys.argv[1]))))
