"""Availability, throughput and latency of each replica over the last day, from Prometheus."""

from collections.abc import Mapping
from typing import Any

_PERCENTILES = (50, 95)
_HISTOGRAMS = {"ttft": "ttft", "tpot": "tpot", "e2el": "e2e"}
"""Recording rules of the monitoring (`inferfleet:<name>_seconds_bucket`) by measure."""
_NAME = "measure"
"""Label by which the answer to one query has all measures."""


def last_day_query(by: str, step: str = "1m") -> str:
    """Return a query for all measures of the last day, or of the time since the first sample, grouped by a label.

    Measures that are evaluated repeatedly, every `step`, have no value in the first one.
    """
    measures = {
        # A supervisor that does not answer has no sample: its replica did not serve then.
        "availability": f"clamp_max(sum by ({by}) (sum_over_time(inferfleet_replica_serving[1d]))"
        f' / sum by ({by}) (count_over_time(up{{job="engine"}}[1d])), 1)'
        f' or avg by ({by}) (avg_over_time(up{{job="engine"}}[1d]))',
        "hours": f'(time() - min by ({by}) (min_over_time(timestamp(up{{job="engine"}})[1d:{step}]))) / 3600',
        "requests": f'sum by ({by}) (increase(inferfleet:e2e_seconds_bucket{{le="+Inf"}}[1d]))',
        "generated": f"sum by ({by}) (increase(inferfleet:generated_tokens_total[1d]))",
        "busiest": f"max_over_time(sum by ({by}) (rate(inferfleet:generated_tokens_total[5m]))[1d:{step}])",
    }
    for measure, name in _HISTOGRAMS.items():
        for percent in _PERCENTILES:
            buckets = f"sum by ({by}, le) (increase(inferfleet:{name}_seconds_bucket[1d]))"
            measures[f"{measure}_p{percent}"] = f"histogram_quantile({percent / 100:g}, {buckets})"
    return " or ".join(f'label_replace({expr}, "{_NAME}", "{name}", "", "")' for name, expr in measures.items())


def last_day_of(answer: Mapping[str, Any], by: str) -> dict[str, dict[str, float]]:
    """Return the measures of each value of the label from Prometheus' answer; those without a number are missing."""
    found: dict[str, dict[str, float]] = {}
    for series in (answer.get("data") or {}).get("result") or []:
        labels, value = series["metric"], float(series["value"][1])
        if by in labels and value == value:  # a quantile of no request is not a number
            found.setdefault(labels[by], {})[labels[_NAME]] = value
    return found
