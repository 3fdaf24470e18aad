"""What a command says at its end, as rows that any output can show."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from inferfleet.cli.bench_rows import bench_rows
from inferfleet.cli.doctor_rows import diagnosis_blocks, diagnosis_heading, judge_diagnosis
from inferfleet.cli.evaluation_rows import evaluation_rows
from inferfleet.cli.fabric_rows import fabric_rows
from inferfleet.cli.row import Row
from inferfleet.cli.text import count, duration
from inferfleet.cli.verbs import DOCTOR, STATUS, Verb
from inferfleet.cli.weights_rows import brought_rows, model_rows, proved_rows
from inferfleet.runner.outcome import Outcome
from inferfleet.runner.result import ChangedTask, Failure, RunResult
from inferfleet.runner.stages import title

_CHANGED_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Summary:
    """The heading, whether all is well, rows in blocks, and a line to copy into a shell."""

    heading: str
    good: bool
    blocks: list[list[Row]] = field(default_factory=list)
    try_it: str = ""


def judge(verb: Verb, judged: Outcome, result: Mapping[str, Any]) -> Outcome:
    """Return `judged`, or what `status` or `doctor` found where the run itself went well."""
    if verb is DOCTOR:
        return judge_diagnosis(judged, result.get("doctor"))
    broken = any(not part.get("ok") for own in by_service(result).values() for part in _mappings(own.get("proof")))
    return Outcome.FAILED if verb is STATUS and judged is Outcome.OK and broken else judged


def by_service(result: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """Return what was reported for each service, by its name; by "" where there is one, or for all of them."""
    services = result.get("services")
    if not isinstance(services, Mapping):
        return {"": result}
    shared = {name: value for name, value in result.items() if name != "services"}
    return ({"": shared} if shared else {}) | {str(name): own for name, own in services.items()}


def summarize(verb: Verb, run: RunResult, judged: Outcome, *, again: str, check: bool, log: str, cwd: Path) -> Summary:
    """Return the summary of a run.

    `again` is the command as typed, without tags; `log` is the path of Ansible's own log; paths below `cwd`
    are shown relative to it.
    """
    run = replace(run, result=_shortened(run.result, cwd))
    # What does not work is told by the rows of the proof: the task that failed over it adds nothing.
    results = by_service(run.result)
    told = verb is STATUS and any(_mappings(own.get("proof")) for own in results.values())
    blocks = [_problem_rows(run.problems, "bad"), *([] if told else _failure_blocks(run.failures))]
    if judged is Outcome.BAD_INPUT and not run.problems:
        blocks.append([Row("", run.output)] if run.output else [])
        if run.rc == 0:
            blocks.append([Row("next", "No task was selected: check --tags, --skip-tags and --limit.")])
    elif judged is Outcome.FAILED and not run.failures and run.rc:
        blocks.append([Row("", run.output or f"ansible-playbook ended with status {run.rc}.", "bad")])
    if judged is Outcome.NOT_IDEMPOTENT or (check and run.changed_tasks):
        blocks.append(_changed_rows(run.changed_tasks))
    blocks.append(_problem_rows(run.warnings, ""))
    for name, own in results.items():
        found = [block for block in _reported(verb, judged, own) if block]
        blocks += [[Row("service", name), *found[0]], *found[1:]] if name and found else found
    blocks += diagnosis_blocks(run.result.get("doctor"))
    blocks.append(_next_rows(verb, run, judged, again, log))
    good = judged in (Outcome.OK, Outcome.WARNED)
    return Summary(
        heading=f"{_heading(verb, run, judged, check)} · {duration(run.seconds)}",
        good=good,
        blocks=[block for block in blocks if block],
        try_it=_try_it(run.result) if good and not check else "",
    )


def _heading(verb: Verb, run: RunResult, judged: Outcome, check: bool) -> str:
    if verb is DOCTOR and (found := diagnosis_heading(run.result.get("doctor"))):
        return f"{found} found"
    tasks = count(len(run.changed_tasks), "task")
    stages = ", ".join(dict.fromkeys(title(failure.stage) for failure in run.failures))
    failed = f"{stages} failed" if stages and not (verb is STATUS and run.result) else ""
    headings = {
        Outcome.BAD_INPUT: "The inventory was refused" if run.problems else "Ansible could not start",
        Outcome.FACTS_REFUSED: "These machines cannot serve this",
        Outcome.UNREACHABLE: "A host is unreachable",
        Outcome.FAILED: failed or ("Not everything works" if run.result else "Failed"),
        Outcome.LIMIT_MISSED: "Not as good as it should be",
        Outcome.NOT_IDEMPOTENT: f"Not idempotent: {tasks} changed",
        Outcome.INTERRUPTED: "Interrupted",
    }
    if judged is Outcome.BAD_INPUT and run.rc == 0 and not run.problems:
        return "Nothing ran"
    if judged in headings:
        return headings[judged]
    if check:
        return f"{tasks} would change" if run.changed_tasks else "Nothing would change"
    models = [str(own["model"]) for own in by_service(run.result).values() if own.get("model") and own.get("endpoints")]
    done = f"{' and '.join(models)} {'is' if len(models) == 1 else 'are'} serving" if models else verb.done
    return f"{done} · {tasks} changed" if run.changed_tasks else done


def _reported(verb: Verb, judged: Outcome, result: Mapping[str, Any]) -> list[list[Row]]:
    """Return the blocks of what one service reported."""
    proof = _proof_rows(result)
    measured = [
        fabric_rows(result.get("fabric")),
        bench_rows(result.get("bench")),
        evaluation_rows(result.get("evaluation")),
    ]
    if verb is STATUS:
        return [proof, _result_rows(result), *measured]
    if judged in (Outcome.OK, Outcome.NOT_IDEMPOTENT):
        return [_result_rows(result), *_weights_blocks(result), proof, *measured]
    return [proof, *measured]


def _problem_rows(problems: Iterable[Any], tone: str) -> list[Row]:
    rows = []
    for problem in problems:
        rows += [Row("problem" if tone else "note", problem.message, tone)]
        rows += [Row("remedy", problem.remedy)] if problem.remedy else []
    return rows


def _failure_blocks(failures: Sequence[Failure]) -> list[list[Row]]:
    """Return a block for each different failure: the same one on many hosts is said once."""
    alike: dict[tuple[str, str, str], list[str]] = {}
    for failure in failures:
        alike.setdefault((failure.stage, failure.task, failure.message), []).append(failure.host)
    return [
        [
            Row("host" if len(hosts) == 1 else "hosts", ", ".join(dict.fromkeys(hosts))),
            Row("task", f"{title(stage)}: {task}"),
            Row("error", message, "bad"),
        ]
        for (stage, task, message), hosts in alike.items()
    ]


def _changed_rows(changed: Sequence[ChangedTask]) -> list[Row]:
    """Return a row for each changed task, with its hosts."""
    hosts: dict[tuple[str, str], list[str]] = {}
    for item in changed:
        hosts.setdefault((item.stage, item.task), []).append(item.host)
    rows = [
        Row("changed", f"{title(stage)}: {task} ({', '.join(sorted(set(names)))})")
        for (stage, task), names in hosts.items()
    ]
    more = len(rows) - _CHANGED_SHOWN
    return [*rows[:_CHANGED_SHOWN], Row("", f"and {count(more, 'more task')}")] if more > 0 else rows


def _result_rows(result: Mapping[str, Any]) -> list[Row]:
    rows = [Row(str(item.get("name")), str(item.get("url"))) for item in _mappings(result.get("endpoints"))]
    webui = result.get("webui")
    if isinstance(webui, Mapping) and webui.get("url"):
        rows.append(Row("Open WebUI", str(webui["url"])))
        if webui.get("email"):
            secret = f", password in {webui['password_file']}" if webui.get("password_file") else ""
            rows.append(Row("sign in as", f"{webui['email']}{secret}"))
    if result.get("model"):
        rows.append(Row("model", str(result["model"])))
    if result.get("report"):
        rows.append(Row("report", str(result["report"])))
    if result.get("api_key_file"):
        rows.append(Row("API key in", str(result["api_key_file"])))
    return rows


def _weights_blocks(result: Mapping[str, Any]) -> list[list[Row]]:
    proofs, brought, models = (result.get(f"weights{what}") for what in ("_proof", "", "_found"))
    return [
        proved_rows(proofs) if proofs else [],
        brought_rows(brought) if brought else [],
        model_rows(models) if models is not None else [],
    ]


def _proof_rows(result: Mapping[str, Any]) -> list[Row]:
    return [
        Row(str(item.get("name")), str(item.get("detail") or ""), holds=bool(item.get("ok")))
        for item in _mappings(result.get("proof"))
    ]


def _next_rows(verb: Verb, run: RunResult, judged: Outcome, again: str, log: str) -> list[Row]:
    if verb is DOCTOR and run.result.get("doctor"):
        return []  # each finding says what to do
    if judged is Outcome.INTERRUPTED:
        return [Row("next", verb.interrupted), Row("log", log, "soft")]
    if judged is Outcome.FAILED and verb is STATUS and run.result:
        return [Row("next", "Run `inferfleet up` again to mend it, or see the log."), Row("log", log, "soft")]
    if judged is Outcome.FAILED and run.failures:
        stage = run.failures[-1].stage
        return [
            Row("next", verb.failed),
            Row("or", f"Only this stage: {again} --tags {stage}"),
            Row("log", log, "soft"),
        ]
    if judged is Outcome.UNREACHABLE and not run.problems:
        return [
            Row("next", "Check that the host is up and that its ansible_host, ansible_user and key are right."),
            Row("log", log, "soft"),
        ]
    return [Row("log", log, "soft")] if judged is Outcome.FAILED else []


def _try_it(result: Mapping[str, Any]) -> str:
    first = next((own for own in by_service(result).values() if own.get("endpoints")), {})
    url = next((str(item.get("url", "")) for item in _mappings(first.get("endpoints"))), "").rstrip("/")
    key = str(first.get("api_key_file", ""))
    if not url.endswith("/v1") or "/" not in key or " " in key:  # a key of the inventory lies in no file
        return ""
    return f'curl -H "Authorization: Bearer $(cat {key})" {url}/models'


def _mappings(items: Any) -> list[Mapping[str, Any]]:
    return [item for item in items if isinstance(item, Mapping)] if isinstance(items, list) else []


def _shortened(value: Any, cwd: Path) -> Any:
    """Return `value` with every path in it that lies below `cwd` made relative."""
    if isinstance(value, Mapping):
        return {key: _shortened(inner, cwd) for key, inner in value.items()}
    if isinstance(value, str) and value.startswith("/") and Path(value).is_relative_to(cwd):
        return str(Path(value).relative_to(cwd))
    return value
