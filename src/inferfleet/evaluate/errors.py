"""The error raised by the steps of an evaluation."""

from typing import Any

from inferfleet.messages import Problem


class EvaluationError(RuntimeError):
    """An evaluation that cannot start or continue; `problem` holds reason and remedy."""

    def __init__(self, code: str, message: str, remedy: str, /, **parameters: Any) -> None:
        self.problem = Problem(code, message, remedy, **parameters)
        super().__init__(str(self.problem))
