"""The outcome of a finished run, and its exit code."""

from enum import StrEnum

from inferfleet.runner.result import RunResult

_PARSER_ERROR = 4  # ansible-playbook's exit status for both a parser error and an unreachable host


class Outcome(StrEnum):
    """The outcome of a command."""

    OK = "ok"
    BAD_INPUT = "bad_input"
    FAILED = "failed"
    REQUIREMENTS_NOT_MET = "requirements_not_met"
    UNREACHABLE = "unreachable"
    CHANGES_DETECTED = "changes_detected"
    THRESHOLD_NOT_MET = "threshold_not_met"
    WARNINGS = "warnings"
    INTERRUPTED = "interrupted"

    @property
    def exit_code(self) -> int:
        """Return the exit code of the command."""
        return EXIT_CODES[self]


EXIT_CODES = {
    Outcome.OK: 0,
    Outcome.BAD_INPUT: 1,
    Outcome.FAILED: 2,
    Outcome.REQUIREMENTS_NOT_MET: 3,
    Outcome.UNREACHABLE: 4,
    Outcome.CHANGES_DETECTED: 5,
    Outcome.THRESHOLD_NOT_MET: 6,
    Outcome.WARNINGS: 7,
    Outcome.INTERRUPTED: 130,
}


# Values of `inferfleet_refusal` that a task returns; any other value is a refusal of the inventory.
_REFUSALS = {
    "facts": Outcome.REQUIREMENTS_NOT_MET,
    "unreachable": Outcome.UNREACHABLE,
    "limit": Outcome.THRESHOLD_NOT_MET,
}


def outcome(run: RunResult, *, assert_no_change: bool = False) -> Outcome:
    """Return the outcome of `run` from its events; Ansible's exit status decides only what they do not.

    An unreachable host takes precedence over a failed task: tasks of other hosts often fail because of it.
    """
    if run.interrupted:
        return Outcome.INTERRUPTED
    if run.refusal:
        return _REFUSALS.get(run.refusal, Outcome.BAD_INPUT)
    if any(failure.unreachable for failure in run.failures):
        return Outcome.UNREACHABLE
    if run.failures:
        return Outcome.FAILED
    if run.rc != 0:
        nothing_started = run.tasks_run == 0
        return Outcome.BAD_INPUT if nothing_started or run.rc == _PARSER_ERROR else Outcome.FAILED
    if run.tasks_run == 0:
        return Outcome.BAD_INPUT
    if assert_no_change and run.changed_tasks:
        return Outcome.CHANGES_DETECTED
    return Outcome.OK
