"""Judge a finished run: what it came to, and the exit code that says so."""

from enum import StrEnum

from inferfleet.runner.result import RunResult

_PARSER_ERROR = 4  # ansible-playbook's exit status for both a parser error and an unreachable host


class Outcome(StrEnum):
    """What a command came to."""

    OK = "ok"
    BAD_INPUT = "bad_input"
    FAILED = "failed"
    FACTS_REFUSED = "facts_refused"
    UNREACHABLE = "unreachable"
    NOT_IDEMPOTENT = "not_idempotent"
    LIMIT_MISSED = "limit_missed"
    WARNED = "warned"
    INTERRUPTED = "interrupted"

    @property
    def exit_code(self) -> int:
        """Return the exit code of the command."""
        return EXIT_CODES[self]


EXIT_CODES = {
    Outcome.OK: 0,
    Outcome.BAD_INPUT: 1,
    Outcome.FAILED: 2,
    Outcome.FACTS_REFUSED: 3,
    Outcome.UNREACHABLE: 4,
    Outcome.NOT_IDEMPOTENT: 5,
    Outcome.LIMIT_MISSED: 6,
    Outcome.WARNED: 7,
    Outcome.INTERRUPTED: 130,
}


# What a task says in `inferfleet_refusal`; any other word is a refusal of the inventory.
_REFUSALS = {"facts": Outcome.FACTS_REFUSED, "unreachable": Outcome.UNREACHABLE, "limit": Outcome.LIMIT_MISSED}


def outcome(run: RunResult, *, assert_no_change: bool = False) -> Outcome:
    """Return what `run` came to, judged by its events; Ansible's exit status decides only what they don't.

    An unreachable host outranks a failed task: the tasks of other hosts often fail because it is missing.
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
        nothing_began = run.tasks_run == 0
        return Outcome.BAD_INPUT if nothing_began or run.rc == _PARSER_ERROR else Outcome.FAILED
    if run.tasks_run == 0:
        return Outcome.BAD_INPUT
    if assert_no_change and run.changed_tasks:
        return Outcome.NOT_IDEMPOTENT
    return Outcome.OK
