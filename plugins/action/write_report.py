"""Write the HTML report (see inferfleet.report)."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from ansible.plugins.action import ActionBase

from inferfleet.files import write_atomic
from inferfleet.messages import N_, Problem, os_reason
from inferfleet.report import make_content, render


class ActionModule(ActionBase):
    """Arguments `path` of the file, `results`, the folder of earlier results, `nodes`, the data of each node, and
    `day`, Prometheus' answer about the last day."""

    _requires_connection = False

    def run(self, tmp=None, task_vars=None):
        """Return `path`; never reports a change, because no node is changed."""
        super().run(tmp, task_vars)
        args = self._task.args
        path = Path(args["path"])
        content = make_content(
            inventory=args["inventory"],
            plans=args["plans"],
            nodes=args["nodes"],
            results=Path(args["results"]),
            now=datetime.now(UTC),
            day=args["day"],
        )
        if not self._task.check_mode:
            try:
                write_atomic(path, render(content))
            except OSError as error:
                return _refusal(path, error)
        return {"changed": False, "path": str(path)}


def _refusal(path, error):
    """Return a failed result for a file that cannot be written."""
    problem = Problem(
        "not-writable",
        N_("Variable report_path is {path}, which cannot be written: {reason}."),
        N_("Specify a file in a writable folder (--output)."),
        path=str(path),
        reason=os_reason(error),
    )
    return {"failed": True, "msg": str(problem), "inferfleet_refusal": "contract", "problems": [problem.as_dict()]}
