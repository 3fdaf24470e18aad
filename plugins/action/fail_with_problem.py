"""Fail with problems as data, which the CLI prints in the language of the user."""

from __future__ import annotations

from ansible.plugins.action import ActionBase

from inferfleet.messages import Problem
from inferfleet.task_result import failed


class ActionModule(ActionBase):
    """Arguments `problems`, or a single one as `code`, `message`, `remedy` (templates) and `parameters`; `refusal`
    is that of `inferfleet.task_result.failed`."""

    _requires_connection = False

    def run(self, tmp=None, task_vars=None):
        """Fail with the problems; the condition is `when` of the task."""
        super().run(tmp, task_vars)
        args = self._task.args
        problems = [Problem.from_dict(form) for form in args.get("problems") or [_single(args)]]
        return failed(problems, str(args.get("refusal") or ""))


def _single(args):
    return {
        "code": args["code"],
        "template": args["message"],
        "remedy_template": args.get("remedy", ""),
        "parameters": args.get("parameters", {}),
    }
