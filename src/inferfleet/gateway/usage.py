"""The usage of clients, added up over the gateways: what roles/gateway/files/usage.py reports."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

_TOO_MANY = "429"
_COUNTS = ("aborted", "without_usage", "prompt_tokens", "completion_tokens")


@dataclass(frozen=True)
class Usage:
    """Requests of a client to a model."""

    client: str
    model: str
    """`-` if the request has none, as one that was refused before its body was read."""
    requests: int
    refused: int
    """Answered with 429: over a limit of the client."""
    failed: int
    """Answered with 500 or more."""
    aborted: int
    without_usage: int
    """Successful requests whose answer has no numbers of tokens."""
    prompt_tokens: int
    completion_tokens: int
    ttft_p50: float | None
    """Seconds; None without a successful request."""
    ttft_p95: float | None
    duration_p95: float | None


def client_usage(reports: Mapping[str, Any]) -> dict[str, Any]:
    """Return `since` and `until` (seconds since 1970) and a row for each client and model, from reports by host."""
    found = {host: report for host, report in reports.items() if report}
    bounds = next((report["bounds"] for report in found.values()), ())
    by_key: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for report in found.values():
        for row in report["rows"]:
            by_key.setdefault((row["client"], row["model"]), []).append(row)
    return {
        "since": min((report["since"] for report in found.values()), default=0),
        "until": max((report["until"] for report in found.values()), default=0),
        "gateways": sorted(found),
        "clients": [asdict(_sum(*key, rows, bounds)) for key, rows in sorted(by_key.items())],
    }


def _sum(client: str, model: str, rows: Sequence[Mapping[str, Any]], bounds: Sequence[float]) -> Usage:
    statuses = [(status, number) for row in rows for status, number in row["requests"].items()]
    ttft, duration = (_added([row[name]["buckets"] for row in rows]) for name in ("ttft", "duration"))
    return Usage(
        client=client,
        model=model,
        requests=sum(number for _, number in statuses),
        refused=sum(number for status, number in statuses if status == _TOO_MANY),
        failed=sum(number for status, number in statuses if int(status) >= 500),
        **{name: sum(row[name] for row in rows) for name in _COUNTS},
        ttft_p50=quantile(0.5, bounds, ttft),
        ttft_p95=quantile(0.95, bounds, ttft),
        duration_p95=quantile(0.95, bounds, duration),
    )


def _added(histograms: Sequence[Sequence[int]]) -> list[int]:
    return [sum(numbers) for numbers in zip(*histograms, strict=True)]


def quantile(share: float, bounds: Sequence[float], counts: Sequence[int]) -> float | None:
    """Return the quantile of a histogram, None if it is empty; the last one of `counts` is what is above `bounds`.

    As Prometheus' histogram_quantile: linear within a bucket; the last bound for what is above it.
    """
    rank, below, lower = share * sum(counts), 0, 0.0
    for bound, number in zip((*bounds, bounds[-1]), counts, strict=True):
        if number and below + number >= rank:
            return round(lower + (bound - lower) * (rank - below) / number, 3)
        below, lower = below + number, bound
    return None
