"""How right the served model answers: EvalScope asks, the scores are held against published ones."""

from inferfleet.evaluate.conclude import below_reference, conclude, unanswered
from inferfleet.evaluate.endpoint import find_endpoint
from inferfleet.evaluate.environment import environment_folder, make_environment
from inferfleet.evaluate.errors import EvaluationError
from inferfleet.evaluate.folder import begin, choose_folder
from inferfleet.evaluate.process import look, require_ended, start
from inferfleet.evaluate.result import Evaluation
from inferfleet.evaluate.settings import Settings, questions_of, read_settings
from inferfleet.evaluate.task import make_request, make_task

__all__ = [
    "Evaluation",
    "EvaluationError",
    "Settings",
    "begin",
    "below_reference",
    "choose_folder",
    "conclude",
    "environment_folder",
    "find_endpoint",
    "look",
    "make_environment",
    "make_request",
    "make_task",
    "questions_of",
    "read_settings",
    "require_ended",
    "start",
    "unanswered",
]
