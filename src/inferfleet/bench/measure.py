"""Reads what `vllm bench serve` measured. It ends with 0 even where every request failed."""

import json
import re
from collections.abc import Mapping
from typing import Any

from inferfleet.bench.run import Latency, Measurement
from inferfleet.messages import N_, Message, Problem

LATENCIES = ("ttft", "tpot", "itl", "e2el")
_SHOWN = 3
# "Error 0: Unauthorized", or with a traceback, in newer versions; in older ones one request goes ahead, and its error
# ends the program.
_FAILED_REQUEST = re.compile(r"^Error \d+: (.+?)(?=^Error \d+: |^={5}|\Z)", re.MULTILINE | re.DOTALL)
_INITIAL_REQUEST = re.compile(r"Initial test run failed.*?Error: (.+)\Z", re.MULTILINE | re.DOTALL)
_EXCEPTION = re.compile(r"^[A-Za-z_][\w.]*(?:Error|Exception|Timeout|Interrupt)\w*(?:: .*)?$", re.MULTILINE)
# A line each second, by TQDM_BAR_FORMAT (the role's vars).
_COUNT = re.compile(r"^(\d+)/(\d+)$", re.MULTILINE)


class ResultError(ValueError):
    """What the tool wrote is not a result."""

    def __init__(self, template: str, /, **parameters: Any) -> None:
        remedy = N_("Name an image of another vLLM in bench_image.")
        self.problem = Problem("bad-result", template, remedy, **parameters)
        super().__init__(self.problem.message)


def read_measurement(text: str, log: str, *, concurrency: int, num_prompts: int, seed: int, ended: str) -> Measurement:
    """Return the measurement of a result file's `text`; `log` is what the tool said.

    Raises:
        ResultError: the file is not a result of `vllm bench serve`.
    """
    found = _mapping(text)
    try:
        completed = int(found["completed"])
        return Measurement(
            concurrency=concurrency,
            num_prompts=num_prompts,
            seed=seed,
            ended=ended,
            duration=found["duration"],
            completed=completed,
            failed=num_prompts - completed,
            errors=tuple(logged_errors(log)) if completed < num_prompts else (),
            total_input_tokens=found["total_input_tokens"],
            total_output_tokens=found["total_output_tokens"],
            request_throughput=found["request_throughput"],
            output_throughput=found["output_throughput"],
            total_token_throughput=found["total_token_throughput"],
            **{f"{name}_ms": _latency(found, name) for name in LATENCIES},
        )
    except KeyError as error:
        raise ResultError(N_("The result file lacks {key}."), key=error.args[0]) from None
    except (TypeError, ValueError) as error:
        reason = str(error)
        raise ResultError(N_("The result file holds what is not a measurement: {reason}."), reason=reason) from None


def requests_done(log: str) -> tuple[int, int] | None:
    """Return how many requests of how many have ended, by the log so far; None where it does not say."""
    counts = _COUNT.findall(log.replace("\r", "\n"))
    return (int(counts[-1][0]), int(counts[-1][1])) if counts else None


def logged_errors(log: str) -> list[str]:
    """Return the different errors of failed requests that the tool named, each as one line."""
    named = [*_FAILED_REQUEST.findall(log), *_INITIAL_REQUEST.findall(log)]
    return list(dict.fromkeys(map(_short, named)))[:_SHOWN]


def explain_no_result(log: str, *, url: str, concurrency: int, num_prompts: int) -> Problem:
    """Return why no request of a measurement was answered, from what the tool said."""
    if errors := logged_errors(log):
        return _no_answer("; ".join(errors), url, concurrency, num_prompts)
    return Problem(
        "no-result",
        N_("`vllm bench serve` ended without a result at concurrency {concurrency}. It said last: {line}."),
        N_("Check bench_tokenizer, bench_image and bench_endpoint."),
        concurrency=concurrency,
        line=_short(log).rstrip(".") or Message("", N_("nothing")),
    )


def failed_requests(measured: Measurement) -> list[Problem]:
    """Return the warning of a measurement in which requests failed; none where all were answered."""
    if not measured.failed:
        return []
    message = N_("At concurrency {concurrency}, {failed} of {count} requests failed. The numbers are of the others.")
    if measured.errors:
        message = N_(
            "At concurrency {concurrency}, {failed} of {count} requests failed: {errors}. The numbers are of the"
            " others."
        )
    return [
        Problem(
            "failed-requests",
            message,
            N_("Look into the engine's log on the head: docker logs inferfleet-engine."),
            concurrency=measured.concurrency,
            failed=measured.failed,
            count=measured.num_prompts,
            errors="; ".join(measured.errors),
        )
    ]


def _no_answer(errors: str, url: str, concurrency: int, count: int) -> Problem:
    """Return the problem of requests that all failed with these errors."""
    if re.search(r"Unauthorized|Forbidden|\b40[13]\b", errors):
        remedy = N_(
            "The key is wrong: leave bench_api_key to the deployment's own, or give the one that the engine was given."
        )
    elif re.search(r"Not Found|\b404\b", errors):
        remedy = N_("Check bench_model, the served model's name, and bench_api_url and bench_endpoint.")
    elif re.search(r"Cannot connect|ClientConnector|Connection refused", errors):
        remedy = N_("Nothing listens there: deploy with `inferfleet up`, or see `inferfleet status`.")
    elif re.search(r"Bad Request|\b400\b", errors):
        remedy = N_("The engine refuses the request: lower bench_input_len or bench_output_len; its log says why.")
    else:
        remedy = N_(
            "Ask `inferfleet status` how the service is; the engine's log says more: `docker logs inferfleet-engine`."
        )
    message = N_("None of the {count} requests at concurrency {concurrency} was answered by {url}: {errors}.")
    values = {"count": count, "concurrency": concurrency, "url": url, "errors": errors.rstrip(".")}
    return Problem("no-answer", message, remedy, **values)


def _mapping(text: str) -> Mapping[str, Any]:
    try:
        found = json.loads(text)
    except json.JSONDecodeError as error:
        raise ResultError(N_("The result file is not JSON: {reason}."), reason=str(error)) from None
    if not isinstance(found, Mapping):
        raise ResultError(N_("The result file does not hold a map."))
    return found


def _short(said: str) -> str:
    """Return an error as one line: of tracebacks, the exception that ended the last one."""
    if exceptions := _EXCEPTION.findall(said):
        return str(exceptions[-1]).strip()
    lines = [line.strip() for line in said.replace("\r", "\n").splitlines() if line.strip()]
    return lines[-1] if lines else ""


def _latency(found: Mapping[str, Any], name: str) -> Latency:
    return Latency(mean=found[f"mean_{name}_ms"], median=found[f"median_{name}_ms"], p99=found[f"p99_{name}_ms"])
