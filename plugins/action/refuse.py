"""Fails with problems as data: the command prints their templates in the reader's language."""

from __future__ import annotations

from ansible.plugins.action import ActionBase

from inferfleet.messages import Problem
from inferfleet.task_result import failed


class ActionModule(ActionBase):
    """Takes `problems`, or one as `code`, `message`, `remedy` (templates with `{names}`) and `parameters`."""

    _requires_connection = False

    def run(self, tmp=None, task_vars=None):
        """Fail; `when` of the task decides whether it runs at all."""
        super().run(tmp, task_vars)
        args = self._task.args
        return failed(Problem.from_dict(form) for form in args.get("problems") or [_single(args)])


def _single(args):
    return {
        "code": args["code"],
        "template": args["message"],
        "remedy_template": args.get("remedy", ""),
        "parameters": args.get("parameters", {}),
    }
