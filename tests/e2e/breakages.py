"""Break the deployed test cluster, run `inferfleet doctor`, and repair it.

    python tests/e2e/breakages.py              # every case of breakages.yml
    python tests/e2e/breakages.py NAME …       # only these
    python tests/e2e/breakages.py --record …   # and save the evidence to tests/fixtures/doctor/bundles/NAME

Prints the findings of each case and the path of the evidence; exits with code 1 if an expected finding is missing.
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
HEALTHY_WITHIN = 240
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
    repairs: Commands = field(default_factory=list)
    alerts: list[str] = field(default_factory=list)
    slow: bool = False

    def apply(self) -> None:
        """Break the cluster and wait for the effect; raises CalledProcessError or TimeoutError."""
        for command in self.breaks:
            run(command)
        end = time.monotonic() + SHOWS_WITHIN
        while self.until and run(self.until, check=False) != 0:
            if time.monotonic() > end:
                raise TimeoutError(f"{self.name}: no effect within {SHOWS_WITHIN} s")
            time.sleep(2)

    def repair(self) -> None:
        """Undo the breakage, if it is permanent."""
        for command in self.repairs:
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
    """Return the current findings by id, from the JSON document of `inferfleet doctor`."""
    return {finding["id"]: finding for finding in document["result"]["doctor"]["findings"] if finding["now"]}


def wait_until_healthy() -> None:
    """Wait until all checks pass; raises TimeoutError."""
    end = time.monotonic() + HEALTHY_WITHIN
    while subprocess.run([*COMMAND, "status", "-i", INVENTORY], cwd=ROOT, capture_output=True, check=False).returncode:
        if time.monotonic() > end:
            raise TimeoutError(
                f"The cluster does not answer within {HEALTHY_WITHIN} s. Run `inferfleet status` for the reason."
            )


def record(name: str, diagnosis: dict[str, Any]) -> None:
    """Save the states and answers, and the relevant log lines with their context."""
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
    """Run the cases; returns the exit code."""
    failed, keep = 0, "--record" in names
    names = [name for name in names if name != "--record"]
    for case in [case for case in load() if case.shows and (not names or case.name in names)]:
        wait_until_healthy()
        try:
            case.apply()
            argv = [*COMMAND, "doctor", "-i", INVENTORY, "--json", *case.doctor]
            done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=False)
            document = json.loads(done.stdout)
        finally:
            case.repair()
        found = findings(document)
        if keep:
            record(case.name, document["result"]["doctor"])
        missing = [name for name in case.shows if name not in found]
        failed += bool(missing)
        result = f"NOT FOUND {missing}" if missing else "ok"
        print(f"{case.name}: {result}; found {sorted(found)}; {document['result']['doctor'].get('folder')}", flush=True)
        for name in case.shows:
            for trace in found.get(name, {}).get("evidence", ()):
                print(f"    {name}: {trace['where']}: {trace['text'][:160]}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
