"""Read EvalScope's reports."""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from inferfleet.evaluate.benchmarks import load_benchmarks
from inferfleet.evaluate.process import WORK
from inferfleet.evaluate.reference import Reference
from inferfleet.evaluate.result import Comparison, DatasetScore, SubsetScore, Usage
from inferfleet.evaluate.settings import Settings, questions_of

_NORMAL_95 = 1.96  # standard deviations that cover 95 % of a normal distribution


def read_reports(folder: Path) -> dict[str, dict[str, Any]]:
    """Return EvalScope's report by data set for the evaluation in `folder`."""
    files = (folder / WORK / "reports").glob("*/*.json")
    reports = (json.loads(file.read_text("utf-8")) for file in files)
    return {str(report["dataset_name"]): report for report in reports if "dataset_name" in report}


def dataset_scores(
    settings: Settings, reports: Mapping[str, Mapping[str, Any]], reference: Reference | None
) -> list[DatasetScore]:
    """Return the score of each data set, in the order of the settings; one without a report has no answers."""
    return [_score(dataset, settings, reports.get(dataset.name, {}), reference) for dataset in settings.datasets]


def usage(reports: Mapping[str, Mapping[str, Any]]) -> Usage:
    """Return the tokens of all answers and their mean latency."""
    summaries = [((report.get("perf_metrics") or {}).get("summary") or {}) for report in reports.values()]
    tokens = [summary.get("usage") or {} for summary in summaries]
    counts = [int(summary.get("n_samples") or 0) for summary in summaries]
    means = [float((summary.get("latency") or {}).get("mean") or 0) for summary in summaries]
    answers, seconds = sum(counts), sum(number * mean for number, mean in zip(counts, means, strict=True))
    return Usage(
        input_tokens=sum(int(item.get("total_input_tokens") or 0) for item in tokens),
        output_tokens=sum(int(item.get("total_output_tokens") or 0) for item in tokens),
        mean_latency_s=round(seconds / answers, 3) if answers else None,
    )


def _score(dataset: Any, settings: Settings, report: Mapping[str, Any], reference: Reference | None) -> DatasetScore:
    title = load_benchmarks()[dataset.name].title
    metrics = {_label(metric["identity"]): metric for metric in report.get("metrics", [])}
    wanted = reference.scores.get(dataset.name) if reference else None
    main = _main_metric(report, metrics, wanted.metric if wanted else "")
    execution = report.get("execution_summary") or {}
    requested = int(execution.get("requested", questions_of(dataset, settings.limit) * settings.n))
    answered, questions = int(execution.get("succeeded", 0)), requested // settings.n
    if not main:
        return DatasetScore(
            name=dataset.name, title=title, metric="", score=0.0, questions=questions, answered=0, failed=requested
        )
    scores = {label: _percent(metric, metric["score"]) for label, metric in metrics.items()}
    score = scores.pop(main)
    comparison = None
    if wanted:
        difference = round(score - wanted.score, 2)
        comparison = Comparison(score=wanted.score, difference=difference, holds=difference >= -settings.within)
    return DatasetScore(
        name=dataset.name,
        title=title,
        metric=main,
        score=score,
        margin=_margin(score, answered // settings.n),
        questions=questions,
        answered=answered,
        failed=requested - answered,
        subsets=[
            SubsetScore(
                name=subset["name"],
                score=_percent(metrics[main], subset["score"]),
                questions=subset["num"] // settings.n,
            )
            for category in metrics[main]["categories"]
            for subset in category["subsets"]
            if not subset.get("is_aggregate")
        ],
        other_scores=scores,
        comparison=comparison,
    )


def _main_metric(report: Mapping[str, Any], metrics: Mapping[str, Any], wanted: str) -> str:
    """Return the label of the main metric: the one in `wanted`, EvalScope's primary metric, or the first."""
    if wanted in metrics:
        return wanted
    chosen = report.get("primary_metric_identity")
    label = _label(chosen) if chosen else ""
    return label if label in metrics else next(iter(metrics), "")


def _label(identity: Mapping[str, Any]) -> str:
    """Return a metric's name with aggregation and dimensions, such as `rouge-recall-l`."""
    aggregation = identity.get("aggregation") or "mean"
    parts = [identity["name"], *([] if aggregation == "mean" else [aggregation])]
    return "-".join(map(str, [*parts, *(value for _, value in sorted((identity.get("dimensions") or {}).items()))]))


def _percent(metric: Mapping[str, Any], score: float) -> float:
    semantics = metric.get("semantics") or {}
    percent = semantics.get("display_unit") == "%"
    return round(score * float(semantics.get("display_multiplier") or 100), 2) if percent else round(score, 4)


def _margin(score: float, questions: int) -> float | None:
    """Return half of the 95 % Wilson interval of a score on `questions`, in points; it is valid at 100 % too."""
    if not questions or not 0 <= score <= 100:
        return None
    share, square = score / 100, _NORMAL_95**2
    root = math.sqrt(share * (1 - share) / questions + square / (4 * questions**2))
    return round(100 * _NORMAL_95 * root / (1 + square / questions), 1)
