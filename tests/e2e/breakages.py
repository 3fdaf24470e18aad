"""Breaks the deployed practice cluster, asks `inferfleet doctor`, and mends it.

    python tests/e2e/breakages.py              # every case of breakages.yml
    python tests/e2e/breakages.py NAME …       # only these

Prints what was found of what must be, and where the evidence lies; leaves with 1 when anything was not found.
"""

import json
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
INVENTORY = "inventories/lab"
SHOWS_WITHIN = 60  # seconds: an engine's start on two busy cores until it says what is wrong
Commands = list[dict[str, str]]


@dataclass(frozen=True)
class Breakage:
    """One case, as breakages.yml describes it."""

    name: str
    how: str
    shows: list[str]
    breaks: Commands = field(default_factory=list)
    until: dict[str, str] = field(default_factory=dict)
    doctor: list[str] = field(default_factory=list)
    mends: Commands = field(default_factory=list)
    slow: bool = False

    def apply(self) -> None:
        """Break it, and wait until it shows; raises CalledProcessError or TimeoutError."""
        for command in self.breaks:
            run(command)
        end = time.monotonic() + SHOWS_WITHIN
        while self.until and run(self.until, check=False) != 0:
            if time.monotonic() > end:
                raise TimeoutError(f"{self.name}: it does not show within {SHOWS_WITHIN} s")
            time.sleep(2)

    def mend(self) -> None:
        """Undo it, as far as it lasts."""
        for command in self.mends:
            run(command)


def load() -> list[Breakage]:
    """Return all cases in the order of the file."""
    return [Breakage(**case) for case in yaml.safe_load(Path(__file__).with_suffix(".yml").read_text())]


def run(command: dict[str, str], *, check: bool = True) -> int:
    """Run a shell command on the node, or on the controller, that it is for; returns its exit status."""
    ((place, text),) = command.items()
    argv = ["sh", "-c", text] if place == "controller" else ["ssh", "-F", str(ROOT / ".lab/ssh_config"), place, text]
    return subprocess.run(argv, cwd=ROOT, capture_output=True, check=check).returncode


def findings(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return what is there now, by id, of the JSON document of `inferfleet doctor`."""
    return {finding["id"]: finding for finding in document["result"]["doctor"]["findings"] if finding["now"]}


def main(names: list[str]) -> int:
    """Play the cases; returns the exit code."""
    failed = 0
    for case in [case for case in load() if not names or case.name in names]:
        try:
            case.apply()
            argv = [Path(sys.executable).parent / "inferfleet", "doctor", "-i", INVENTORY, "--json", *case.doctor]
            done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=False)
            document = json.loads(done.stdout)
        finally:
            case.mend()
        found = findings(document)
        missing = [name for name in case.shows if name not in found]
        failed += bool(missing)
        verdict = f"NOT FOUND {missing}" if missing else "ok"
        print(
            f"{case.name}: {verdict}; found {sorted(found)}; {document['result']['doctor'].get('folder')}", flush=True
        )
        for name in case.shows:
            for trace in found.get(name, {}).get("evidence", ()):
                print(f"    {name}: {trace['where']}: {trace['text'][:160]}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
