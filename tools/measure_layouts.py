"""Measure the planner's layouts on this machine: `python -m tools.measure_layouts FOLDER [SECONDS [PATTERN]]`.

Where inferfleet and vLLM are not installed together, prepare the folder on one machine (`python -m
tools.layouts.prepare FOLDER`) and copy it with tools/layouts to the other (`python -m tools.layouts.run FOLDER`).
"""

import sys
from pathlib import Path

import yaml
from tools.layouts.prepare import CASES, prepare
from tools.layouts.run import run
from tools.layouts.table import results, table


def main() -> None:
    """Prepare, run and show the cases."""
    folder = Path(sys.argv[1]).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    prepare(folder, yaml.safe_load(CASES.read_text("utf-8")))
    run(folder, float(sys.argv[2]) if len(sys.argv) > 2 else 3600, *sys.argv[3:4])
    print(table(results(folder)))


if __name__ == "__main__":
    main()
