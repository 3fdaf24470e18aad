"""The summary of a command, as rows for any output format."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from inferfleet.cli.output.row import Row
from inferfleet.cli.output.sections import by_service, mappings
from inferfleet.cli.output.text import count, duration, labelled, task_name, tr
from inferfleet.messages import N_, Message, Problem
from inferfleet.runner.outcome import Outcome
from inferfleet.runner.result import ChangedTask, Failure, RunResult
from inferfleet.runner.stages import title

if TYPE_CHECKING:
    from inferfleet.cli.registry import Command

_CHANGED_SHOWN = 20
_TASKS_CHANGED = (N_("{count} task changed"), N_("{count} tasks changed"))


@dataclass(frozen=True, slots=True)
class Summary:
    """The heading, whether the run succeeded, rows in blocks, and a shell command to try.

    `warned` is whether a run that succeeded found warnings or unexplained errors.
    """

    heading: str
    good: bool
    warned: bool = False
    blocks: list[list[Row]] = field(default_factory=list)
    try_it: str = ""


def summarize(
    command: "Command",
    run: RunResult,
    outcome: Outcome,
    *,
    again: str,
    inventory: str,
    check: bool,
    log: str,
    cwd: Path,
    tags: Collection[str] = (),
) -> Summary:
    """Return the summary of a run.

    `again` is the command to repeat, without tags; `inventory` is that of the command line; `log` is the path of the
    Ansible log; paths below `cwd` are shown relative to it; `tags` are those of the playbook.
    """
    run = replace(run, result=_shortened(run.result, cwd))
    own_heading = command.heading(outcome, run.result)
    blocks = [_problem_rows(run.problems, "bad"), *([] if own_heading else _failure_blocks(run.failures))]
    blocks += _unexplained_blocks(run, outcome)
    if outcome is Outcome.CHANGES_DETECTED or (check and run.changed_tasks):
        blocks.append(_changed_rows(run.changed_tasks))
    blocks.append(_problem_rows(run.warnings, ""))
    succeeded = outcome in (Outcome.OK, Outcome.CHANGES_DETECTED)
    for name, own in by_service(run.result).items():
        reported = [block for block in command.summarize(own, succeeded) if block]
        blocks += [[Row(tr(N_("service")), name), *reported[0]], *reported[1:]] if name and reported else reported
    blocks.append(_next_rows(command, run, outcome, bool(own_heading), again, inventory, log, tags))
    good = outcome in (Outcome.OK, Outcome.WARNINGS)
    return Summary(
        heading=f"{own_heading or _heading(command, run, outcome, check)} · {duration(run.seconds)}",
        good=good,
        warned=outcome is Outcome.WARNINGS,
        blocks=[block for block in blocks if block],
        try_it=_try_it(run.result) if good and not check else "",
    )


def _heading(command: "Command", run: RunResult, outcome: Outcome, check: bool) -> str:
    tasks = len(run.changed_tasks)
    stages = list(dict.fromkeys(tr(title(failure.stage)) for failure in run.failures))
    if outcome is Outcome.BAD_INPUT and run.rc == 0 and not run.problems:
        return tr(N_("No task ran"))
    if run.refusal == "busy":
        return tr(N_("Another run is changing the nodes"))
    if outcome is Outcome.FAILED and stages:
        return tr(N_("{stages} failed"), stages=stages)
    if outcome is Outcome.CHANGES_DETECTED:
        return tr(N_("Changes detected: {changed}"), changed=count(tasks, *_TASKS_CHANGED))
    headings = {
        Outcome.BAD_INPUT: N_("Configuration invalid") if run.problems else N_("Ansible did not start"),
        Outcome.REQUIREMENTS_NOT_MET: N_("Hardware requirements not met"),
        Outcome.UNREACHABLE: N_("A host is unreachable"),
        Outcome.FAILED: N_("Some checks failed") if run.result else N_("Failed"),
        Outcome.THRESHOLD_NOT_MET: N_("Threshold not met"),
        Outcome.INTERRUPTED: N_("Interrupted"),
    }
    if outcome in headings:
        return tr(headings[outcome])
    if check:
        would = count(tasks, N_("{count} task would change"), N_("{count} tasks would change"))
        return would if tasks else tr(N_("Nothing would change"))
    reports = by_service(run.result).values()
    models = list(dict.fromkeys(str(own["model"]) for own in reports if own.get("model") and own.get("endpoints")))
    *others, last = models or [""]
    serving = tr(N_("{models} and {last} are serving"), models=others, last=last)
    serving = serving if others else tr(N_("{model} is serving"), model=last)
    done = serving if models else tr(command.done)
    return f"{done} · {count(tasks, *_TASKS_CHANGED)}" if tasks else done


def _unexplained_blocks(run: RunResult, outcome: Outcome) -> list[list[Row]]:
    """Return the output of Ansible if no failed task explains the outcome."""
    if outcome is Outcome.BAD_INPUT and not run.problems:
        output = [Row("", run.output)] if run.output else []
        nothing = tr(N_("No task was selected: check --tags, --skip-tags and --limit."))
        return [output, [Row(tr(N_("next")), nothing)] if run.rc == 0 else []]
    if outcome is Outcome.FAILED and not run.failures and run.rc:
        return [[Row("", run.output or tr(N_("ansible-playbook exited with status {rc}."), rc=run.rc), "bad")]]
    return []


def _problem_rows(problems: Iterable[Problem], tone: str) -> list[Row]:
    rows = []
    for problem in problems:
        rows += [Row(tr(N_("problem") if tone else N_("note")), problem.message, tone)]
        rows += [Row(tr(N_("remedy")), problem.remedy)] if problem.remedy else []
    return rows


def _failure_blocks(failures: Sequence[Failure]) -> list[list[Row]]:
    """Return a block for each distinct failure: the same one on many hosts is listed once."""
    alike: dict[tuple[str, str, str], list[str]] = {}
    for failure in failures:
        alike.setdefault((failure.stage, failure.task, str(failure.message)), []).append(failure.host)
    return [
        [
            Row(tr(N_("host") if len(hosts) == 1 else N_("hosts")), ", ".join(dict.fromkeys(hosts))),
            Row(tr(N_("task")), labelled(tr(title(stage)), task_name(task))),
            Row(tr(N_("error")), message, "bad"),
        ]
        for (stage, task, message), hosts in alike.items()
    ]


def _changed_rows(changed: Sequence[ChangedTask]) -> list[Row]:
    """Return a row for each changed task, with its hosts."""
    hosts: dict[tuple[str, str], list[str]] = {}
    for item in changed:
        hosts.setdefault((item.stage, item.task), []).append(item.host)
    rows = [
        Row(tr(N_("changed")), f"{labelled(tr(title(stage)), task_name(task))} ({', '.join(sorted(set(names)))})")
        for (stage, task), names in hosts.items()
    ]
    more = count(len(rows) - _CHANGED_SHOWN, N_("and {count} more task"), N_("and {count} more tasks"))
    return [*rows[:_CHANGED_SHOWN], Row("", more)] if len(rows) > _CHANGED_SHOWN else rows


def _next_rows(
    command: "Command",
    run: RunResult,
    outcome: Outcome,
    explained: bool,
    again: str,
    inventory: str,
    log: str,
    tags: Collection[str],
) -> list[Row]:
    path = Row(tr(N_("log")), log, "soft")
    if explained:  # the rows of the result contain the next step
        return [path] if run.failures else []
    if outcome is Outcome.INTERRUPTED:
        return [Row(tr(N_("next")), tr(command.interrupted)), path]
    if outcome is Outcome.FAILED:
        rows = [Row(tr(N_("next")), _after_failure(command, run, inventory))]
        if run.failures and run.failures[-1].stage in tags:
            only = tr(N_("Only this stage: {command}"), command=f"{again} --tags {run.failures[-1].stage}")
            rows.append(Row(tr(N_("or")), only))
        return [*rows, path]
    if outcome is Outcome.UNREACHABLE and not run.problems:
        hint = N_("Check that the host is running and that its ansible_host, ansible_user and SSH key are correct.")
        return [Row(tr(N_("next")), tr(hint)), path]
    if outcome is Outcome.CHANGES_DETECTED:
        diff = N_("Run it again to see whether it changes the same; --diff shows the changes: {command}")
        return [Row(tr(N_("next")), tr(diff, command=f"{again} --assert-no-change --diff")), path]
    return _after_refusal(command, run, outcome, inventory, path)


def _after_failure(command: "Command", run: RunResult, inventory: str) -> str:
    """Return the next step after a failed task: the doctor if the message has no remedy."""
    if not command.changes_nodes or not inventory or any(failure.has_remedy for failure in run.failures):
        return tr(command.failed)
    doctor = N_("Find the cause with `inferfleet doctor -i {inventory}`. {step}")
    return tr(doctor, inventory=inventory, step=Message("", command.failed))


def _after_refusal(command: "Command", run: RunResult, outcome: Outcome, inventory: str, path: Row) -> list[Row]:
    """Return the next step of a run that was refused, unless its problems or `_unexplained_blocks` name one."""
    refused = (Outcome.BAD_INPUT, Outcome.REQUIREMENTS_NOT_MET, Outcome.UNREACHABLE, Outcome.THRESHOLD_NOT_MET)
    unselected = outcome is Outcome.BAD_INPUT and run.rc == 0 and not run.problems
    measured = outcome is Outcome.THRESHOLD_NOT_MET and run.result
    if outcome not in refused or unselected or measured or any(problem.remedy for problem in run.problems):
        return []
    check = N_("Correct this, then run `inferfleet check -i {inventory}`, which changes nothing.")
    step = tr(check, inventory=inventory) if inventory else tr(command.failed)
    return [Row(tr(N_("next")), step), path]


def _try_it(result: Mapping[str, Any]) -> str:
    if isinstance(gateway := result.get("gateway"), Mapping):
        return _request(str(gateway["url"]), gateway["key_file"], str(gateway["ca_file"]))
    first = next((own for own in by_service(result).values() if own.get("endpoints")), {})
    url = next((str(item.get("url", "")) for item in mappings(first.get("endpoints"))), "").rstrip("/")
    return _request(url, first.get("api_key_file"), "")


def _request(url: str, key: Any, ca: str) -> str:
    # A key set in the inventory is not stored in a file.
    if not url.endswith("/v1") or not isinstance(key, str) or "/" not in key or " " in key:
        return ""
    trust = f"--cacert {ca} " if ca else ""
    # Through a pipe, the key is not in the list of processes.
    return f"sed 's/^/Authorization: Bearer /' {key} | curl {trust}-H @- {url}/models"


def _shortened(value: Any, cwd: Path) -> Any:
    """Return `value` with all paths below `cwd` relative to it."""
    if isinstance(value, Mapping):
        return {key: _shortened(inner, cwd) for key, inner in value.items()}
    if isinstance(value, str) and value.startswith("/") and Path(value).is_relative_to(cwd):
        return str(Path(value).relative_to(cwd))
    return value
