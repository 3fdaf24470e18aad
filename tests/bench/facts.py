"""Measure how long gathering network facts takes, on the largest machines.

python -m tests.bench.facts
"""

import importlib.util
import tempfile
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table
from tests.machines import build

ROOT = Path(__file__).resolve().parents[2]
GIDS = 256  # entries of an mlx5 port's table, most of them empty
EMPTY = "0000:0000:0000:0000:0000:0000:0000:0000\n"


def main() -> None:
    """Measure and print the table."""
    spec = importlib.util.spec_from_file_location("fabric_facts", ROOT / "plugins" / "modules" / "fabric_facts.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    table = Table(title="fabric_facts, without Python's start and `ip`; the best of five")
    for column in ("machine", "RDMA ports", "milliseconds"):
        table.add_column(column, justify="right")
    for machine in ("infiniband", "roce", "bonded", "ethernet"):
        with tempfile.TemporaryDirectory() as folder:
            sysfs, _ = build(machine, Path(folder))
            for gids in sysfs.glob("class/infiniband/*/ports/1/gids"):
                for index in range(8, GIDS):
                    (gids / str(index)).write_text(EMPTY)
            taken = []
            for _ in range(5):
                began = time.monotonic()
                ports = module.rdma(str(sysfs), module.accelerators(str(sysfs)))
                taken.append(time.monotonic() - began)
        table.add_row(machine, str(len(ports)), f"{min(taken) * 1000:.0f}")
    Console().print(table)


if __name__ == "__main__":
    main()
