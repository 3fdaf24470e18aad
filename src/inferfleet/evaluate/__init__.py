"""Accuracy evaluation of the served model with EvalScope, compared with reference scores."""

from inferfleet.evaluate.assess import assess, below_reference, unanswered
from inferfleet.evaluate.endpoint import find_endpoint
from inferfleet.evaluate.environment import create_environment, environment_folder
from inferfleet.evaluate.errors import EvaluationError
from inferfleet.evaluate.folder import begin, choose_folder
from inferfleet.evaluate.process import read_progress, require_ended, start
from inferfleet.evaluate.result import Evaluation
from inferfleet.evaluate.settings import Settings, questions_of, read_settings
from inferfleet.evaluate.task import make_request, make_task
from inferfleet.evaluate.tunnel import open_tunnel

__all__ = [
    "Evaluation",
    "EvaluationError",
    "Settings",
    "assess",
    "begin",
    "below_reference",
    "choose_folder",
    "create_environment",
    "environment_folder",
    "find_endpoint",
    "make_request",
    "make_task",
    "open_tunnel",
    "questions_of",
    "read_progress",
    "read_settings",
    "require_ended",
    "start",
    "unanswered",
]
