"""What a run refuses before Ansible is started."""

from inferfleet.problem import Problem


class UsageError(Exception):
    """The command cannot start: a path, an option or a variable is wrong. Exit code 1."""

    def __init__(self, code: str, message: str, remedy: str) -> None:
        super().__init__(f"{message} {remedy}")
        self.problem = Problem(code, message, remedy)
