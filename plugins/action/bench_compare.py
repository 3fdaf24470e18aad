"""Compare a benchmark run with an earlier one, and fail if it is worse (see inferfleet.bench.compare)."""

from __future__ import annotations

from pathlib import Path

from ansible.plugins.action import ActionBase

from inferfleet.bench.compare import compare, regression_problem
from inferfleet.bench.files import RunError, load
from inferfleet.task_result import failed


class ActionModule(ActionBase):
    """Arguments `baseline` and `folder`, the earlier and the new run, and `limit`, the regression allowed in per cent;
    returns `comparison`."""

    _requires_connection = False

    def run(self, tmp=None, task_vars=None):
        """Compare the runs; a regression beyond the limit fails."""
        super().run(tmp, task_vars)
        args = self._task.args
        try:
            runs = load(Path(args["baseline"])), load(Path(args["folder"]))
        except RunError as error:
            return failed([error.problem], "contract")
        compared = compare(*runs, float(args["limit"]) / 100)
        if compared.problems:
            return failed(compared.problems, "contract")
        if compared.regressions:
            return failed([regression_problem(compared, str(args["folder"]))], "limit")
        return {"changed": False, "comparison": compared.as_dict()}
