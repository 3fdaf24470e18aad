"""How a part of an evaluation says that it cannot go on."""

from typing import Any

from inferfleet.messages import Problem


class EvaluationError(RuntimeError):
    """An evaluation that cannot begin or go on; `problem` says why and what to do."""

    def __init__(self, code: str, message: str, remedy: str, /, **parameters: Any) -> None:
        self.problem = Problem(code, message, remedy, **parameters)
        super().__init__(str(self.problem))
