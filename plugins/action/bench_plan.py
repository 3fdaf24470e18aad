"""Plan a benchmark: return the measurements with their command lines (see inferfleet.bench)."""

from __future__ import annotations

import socket
from datetime import UTC, datetime
from pathlib import Path

from ansible.module_utils.common.validation import check_type_list
from ansible.plugins.action import ActionBase

from inferfleet.bench import SweepSettings
from inferfleet.bench.client import bench_argv
from inferfleet.bench.files import RunError, load
from inferfleet.bench.session import begin, resume
from inferfleet.bench.sweep import measurement_at
from inferfleet.bench.table import HEAD, LABEL, row
from inferfleet.task_result import failed


class ActionModule(ActionBase):
    """Arguments are the role's variables; returns `run` (as in bench.json), `folder`, `measurements` with `concurrency`
    and `argv`, and `controller`, which identifies the controller and results folder. Changes nothing.
    """

    _requires_connection = False

    def run(self, tmp=None, task_vars=None):
        """Plan a new sweep, or resume an interrupted one."""
        super().run(tmp, task_vars)
        args = self._task.args
        plan, results = args["plan"], Path(args["results_dir"])
        try:
            baseline = load(Path(args["baseline"])) if args["baseline"] else None
        except RunError as error:
            return failed([error.problem], "contract")
        if args["resume"]:
            session = resume(plan, results)
        else:
            hostvars = task_vars["hostvars"]
            session = begin(
                _sweep_settings(args),
                plan,
                name=str(args["name"]),
                results=results,
                bench_image=args["image"],
                nodes={node: hostvars[node].get("ansible_facts", {}) for node in plan["nodes"] if node in hostvars},
                now=datetime.now(UTC),
                baseline=baseline,
            )
        if session.run is None:
            return failed(session.problems, "contract")
        where = {key: args[key] for key in ("url", "endpoint", "model", "tokenizer", "folder", "version")}
        measurements = [
            {
                "concurrency": concurrency,
                "num_prompts": session.run.sweep.prompts_at(concurrency),
                "argv": bench_argv(measurement_at(session.run.sweep, concurrency, **where)),
            }
            for concurrency in session.run.missing
        ]
        return {
            "changed": False,
            "run": session.run.as_dict(),
            "folder": str(session.folder),
            "measurements": measurements,
            "controller": f"{socket.gethostname()}:{results}",
            "inferfleet_warnings": [problem.as_dict() for problem in session.warnings],
            "inferfleet_rows": [
                {"label": LABEL, "text": HEAD},
                *({"label": str(one.concurrency), "text": row(one)} for one in session.run.measurements),
            ],
        }


def _sweep_settings(args: dict) -> SweepSettings:
    def number(key):
        return int(args[key]) or None

    return SweepSettings(
        preset=str(args["preset"]),
        concurrency=tuple(map(int, check_type_list(args["concurrency"]))),  # `-e bench_concurrency=1,4` is text
        input_len=number("input_len"),
        output_len=number("output_len"),
        num_prompts=number("num_prompts"),
        ignore_eos=bool(args["ignore_eos"]),
    )
