"""Read the result of a measurement and save it to the folder of the run on the controller (see inferfleet.bench)."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from ansible.plugins.action import ActionBase

from inferfleet.bench import FILE, ResultError, Run, explain_no_result, read_measurement
from inferfleet.bench.files import load, save, save_result
from inferfleet.bench.measure import failed_requests
from inferfleet.bench.session import iso
from inferfleet.bench.sweep import seed_at
from inferfleet.bench.table import row
from inferfleet.messages import N_
from inferfleet.task_result import failed


class ActionModule(ActionBase):
    """Arguments `run` and `folder` of bench_plan, `measurement`, `digests` (image to digest), `url`, `result` (text of
    the result file, empty if there is none) and `log` (output of the benchmark tool).
    """

    _requires_connection = False

    def run(self, tmp=None, task_vars=None):
        """Save one measurement; fail if no request was completed."""
        super().run(tmp, task_vars)
        args = self._task.args
        folder, about = Path(args["folder"]), args["measurement"]
        concurrency, prompts = int(about["concurrency"]), int(about["num_prompts"])
        run = load(folder) if (folder / FILE).is_file() else _with_digests(args)
        log, result = args["log"], args["result"]
        try:
            seed, now = seed_at(run.sweep, concurrency), iso(datetime.now(UTC))
            about = {"concurrency": concurrency, "num_prompts": prompts, "seed": seed, "ended": now}
            measured = read_measurement(result, log, **about) if result else None
        except ResultError as error:
            return failed([error.problem])
        if measured is None or not measured.completed:
            problem = explain_no_result(log, url=args["url"], concurrency=concurrency, num_prompts=prompts)
            if (folder / FILE).is_file():
                kept = N_("{problem} What was measured before is kept in {folder}.")
                problem = problem.of(kept, folder=str(folder))
            return failed([problem])
        save_result(folder, concurrency, result)
        save(folder, run.measured(measured))
        return {
            "changed": False,
            "inferfleet_rows": [{"label": str(concurrency), "text": row(measured)}],
            "inferfleet_warnings": [warning.as_dict() for warning in failed_requests(measured)],
        }


def _with_digests(args: dict) -> Run:
    run = Run.model_validate(args["run"])
    digests = {f"{name}_digest": args["digests"].get(run.versions[name], "") for name in ("image", "bench_image")}
    return run.model_copy(update={"versions": run.versions | digests})
