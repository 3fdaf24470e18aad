"""The folder of a run: bench.json, bench.csv, plots, and the raw result of each measurement."""

import json
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from inferfleet.bench.run import FILE, Run
from inferfleet.bench.table import to_csv
from inferfleet.files import write_atomic
from inferfleet.messages import N_, Message, Problem, os_reason, reason_of
from inferfleet.planner.plan import plan_name

CSV = "bench.csv"


class RunError(Exception):
    """A run that cannot be read or resumed."""

    def __init__(self, code: str, message: str, remedy: str, /, **parameters: Any) -> None:
        self.problem = Problem(code, message, remedy, **parameters)
        super().__init__(str(self.problem))


def save(folder: Path, run: Run) -> None:
    """Write bench.json and bench.csv atomically."""
    content = {FILE: json.dumps(run.as_dict(), indent=2, ensure_ascii=False) + "\n", CSV: to_csv(run.measurements)}
    for name, text in content.items():
        write_atomic(folder / name, text)


def save_result(folder: Path, concurrency: int, text: str) -> None:
    """Write the raw result of one measurement."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"concurrency-{concurrency}.json").write_text(text, "utf-8")


def load(path: Path) -> Run:
    """Return the run of a folder or a bench.json.

    Raises:
        RunError: the file does not exist, or is not a result of `inferfleet bench`.
    """
    file = path / FILE if path.is_dir() else path
    try:
        return Run.model_validate_json(file.read_text("utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        reason = os_reason(error) if isinstance(error, OSError) else Message("", N_("it is not text"))
        remedy = N_("Specify a folder in .results/bench, or its bench.json.")
        raise RunError(
            "no-run", N_("{file} cannot be read: {reason}."), remedy, file=str(file), reason=reason
        ) from None
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"])) or Message("", N_("the file"))
        message = N_("{file} is not a result of `inferfleet bench`: {place}: {reason}.")
        remedy = N_("Specify a bench.json written by this version.")
        raise RunError("not-a-run", message, remedy, file=str(file), place=place, reason=reason_of(first)) from None


def unfinished(results: Path, service: str) -> Path:
    """Return the folder of the newest run of a service (empty: the only service) if it was interrupted.

    Raises:
        RunError: there is no such run, or a run cannot be read.
    """
    folders = sorted((file.parent for file in results.glob(f"*/{FILE}")), reverse=True)
    runs = ((folder, load(folder)) for folder in folders)
    newest = next(((folder, run) for folder, run in runs if plan_name(run.plan) == service), None)
    if newest and not newest[1].ended:
        return newest[0]
    message = N_("The newest run in {folder} is complete.") if newest else N_("There is no run in {folder}.")
    raise RunError("nothing-to-resume", message, N_("Start a new run without --resume."), folder=str(results))
