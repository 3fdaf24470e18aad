"""Write evaluation.json from EvalScope's reports, and compare the scores with the reference."""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from inferfleet import __version__
from inferfleet.evaluate.environment import version
from inferfleet.evaluate.reference import find_reference
from inferfleet.evaluate.result import RESULT_FILE, Evaluation, ReferenceUsed
from inferfleet.evaluate.scores import dataset_scores, read_reports, usage
from inferfleet.evaluate.settings import Settings
from inferfleet.evaluate.task import max_tokens, plan_summary
from inferfleet.files import write_atomic
from inferfleet.messages import N_, Problem
from inferfleet.results import started_at


def assess(
    folder: Path, settings: Settings, plan: Mapping[str, Any], nodes: Mapping[str, Any], image_digest: str
) -> Evaluation:
    """Write evaluation.json to `folder` and return its content; `nodes` are the nodes' facts.

    Raises:
        EvaluationError: the reference can no longer be read.
    """
    reports = read_reports(folder)
    reference = find_reference(settings.reference) if settings.reference else None
    datasets = dataset_scores(settings, reports, reference)
    used = None
    if reference:
        used = ReferenceUsed(
            name=settings.reference, source=reference.source, conditions=reference.conditions, within=settings.within
        )
    evaluation = Evaluation(
        started=started_at(folder),
        ended=datetime.now(UTC).replace(microsecond=0),
        complete=all(entry.questions and not entry.failed for entry in datasets),
        plan=plan_summary(plan),
        versions={
            "inferfleet": __version__,
            "evalscope": version(),
            "engine": str(plan.get("engine_version") or ""),
            "image_digest": image_digest,
        },
        nodes=dict(nodes),
        settings=settings.model_dump(mode="json") | {"max_tokens": max_tokens(settings, int(plan["max_model_len"]))},
        datasets=datasets,
        usage=usage(reports),
        reference=used,
    )
    write_atomic(folder / RESULT_FILE, evaluation.model_dump_json(indent=2))
    return evaluation


def unanswered(evaluation: Evaluation, folder: str) -> list[Problem]:
    """Return a problem for each data set with missing answers; `folder` contains the log of the run."""
    return [
        Problem(
            "answers-missing",
            N_("{name}: {failed} of {count} answers are missing."),
            N_("Run the same command again: it sends only the missing questions. See {folder}/run.log for the reason."),
            name=entry.name,
            failed=entry.failed,
            count=entry.answered + entry.failed,
            folder=folder,
        )
        for entry in evaluation.datasets
        if entry.failed
    ]


def below_reference(evaluation: Evaluation) -> list[Problem]:
    """Return a problem for each score that is below its reference by more than the allowed points."""
    used = evaluation.reference
    return [
        Problem(
            "below-reference",
            N_(
                "{name} scores {score} %, {difference} points below the {expected} % of {reference}; {within} are"
                " allowed."
            ),
            N_(
                "Verify the weights (`inferfleet weights verify --deep`), compare precision and sampling parameters"
                " with {source}, and use more questions if the margin is wide."
            ),
            name=entry.name,
            score=f"{entry.score:g}",
            difference=f"{-entry.comparison.difference:g}",
            expected=f"{entry.comparison.score:g}",
            reference=used.name,
            within=f"{used.within:g}",
            source=used.source,
        )
        for entry in evaluation.datasets
        if used and entry.comparison and not entry.comparison.holds
    ]
