"""Errors of a command before Ansible starts."""

from typing import Any

from inferfleet.messages import Problem


class UsageError(Exception):
    """The command cannot start: a path, an option or a variable is invalid. Exit code 1."""

    def __init__(self, code: str, template: str, remedy: str, /, **parameters: Any) -> None:
        self.problem = Problem(code, template, remedy, **parameters)
        super().__init__(str(self.problem))
