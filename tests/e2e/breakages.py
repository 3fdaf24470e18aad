"""Breaks the deployed test cluster, asks `inferfleet doctor`, and mends it.

    python tests/e2e/breakages.py              # every case of breakages.yml
    python tests/e2e/breakages.py NAME …       # only these
    python tests/e2e/breakages.py --record …   # and keep what was collected, for tests/fixtures/doctor/bundles/NAME

Prints what was found of what must be, and where the evidence lies; leaves with 1 when anything was not found.
"""

import json
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
INVENTORY = "inventories/lab"
SHOWS_WITHIN = 120  # seconds: a start of Open WebUI or of an engine on two busy cores
WELL_WITHIN = 240
BUNDLES = ROOT / "tests/fixtures/doctor/bundles"
AROUND = 2  # lines
COMMAND = [Path(sys.executable).parent / "inferfleet"]
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


def wait_until_well() -> None:
    """Wait until everything answers; raises TimeoutError."""
    end = time.monotonic() + WELL_WITHIN
    while subprocess.run([*COMMAND, "status", "-i", INVENTORY], cwd=ROOT, capture_output=True, check=False).returncode:
        if time.monotonic() > end:
            raise TimeoutError(f"The cluster does not answer within {WELL_WITHIN} s; `inferfleet status` says why.")


def record(name: str, diagnosis: dict[str, Any]) -> None:
    """Keep the states and answers, and of the logs the lines that tell with those around them."""
    folder, kept = Path(diagnosis["folder"]), BUNDLES / name
    shutil.rmtree(kept, ignore_errors=True)
    for path in (folder / "service.json", *folder.glob("*/state.json")):
        place = kept / path.relative_to(folder)
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, place)
    near: dict[Path, set[int]] = {}
    for finding in diagnosis["findings"]:
        for trace in finding["evidence"]:
            if trace["where"] != "state":
                log = Path(finding["node"], trace["where"])
                near.setdefault(log, set()).update(range(trace["line"] - AROUND, trace["line"] + AROUND + 1))
    for log, numbers in near.items():
        lines = (folder / log).read_text().splitlines()
        (kept / log).parent.mkdir(parents=True, exist_ok=True)
        (kept / log).write_text("".join(f"{lines[n - 1][:1200]}\n" for n in sorted(numbers) if 1 <= n <= len(lines)))


def main(names: list[str]) -> int:
    """Play the cases; returns the exit code."""
    failed, keep = 0, "--record" in names
    names = [name for name in names if name != "--record"]
    for case in [case for case in load() if not names or case.name in names]:
        wait_until_well()
        try:
            case.apply()
            argv = [*COMMAND, "doctor", "-i", INVENTORY, "--json", *case.doctor]
            done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=False)
            document = json.loads(done.stdout)
        finally:
            case.mend()
        found = findings(document)
        if keep:
            record(case.name, document["result"]["doctor"])
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
