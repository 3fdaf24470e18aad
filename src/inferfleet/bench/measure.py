"""Read the results of `vllm bench serve`, which exits with 0 even if every request failed."""

import json
import re
from collections.abc import Mapping
from typing import Any

from inferfleet.bench.run import Latency, Measurement
from inferfleet.messages import N_, Message, Problem

LATENCIES = ("ttft", "tpot", "itl", "e2el")
_SHOWN = 3
# "Error 0: Unauthorized", or with a traceback, in newer versions; older ones send an initial test request, whose error
# ends the program.
_FAILED_REQUEST = re.compile(r"^Error \d+: (.+?)(?=^Error \d+: |^={5}|\Z)", re.MULTILINE | re.DOTALL)
_INITIAL_REQUEST = re.compile(r"Initial test run failed.*?Error: (.+)\Z", re.MULTILINE | re.DOTALL)
_EXCEPTION = re.compile(r"^[A-Za-z_][\w.]*(?:Error|Exception|Timeout|Interrupt)\w*(?:: .*)?$", re.MULTILINE)
# A line each second, by TQDM_BAR_FORMAT (the role's vars).
_COUNT = re.compile(r"^(\d+)/(\d+)$", re.MULTILINE)


class ResultError(ValueError):
    """The output of the tool is not a result."""

    def __init__(self, template: str, /, **parameters: Any) -> None:
        remedy = N_("Set bench_image to an image with another version of vLLM.")
        self.problem = Problem("bad-result", template, remedy, **parameters)
        super().__init__(self.problem.message)


def read_measurement(text: str, log: str, *, concurrency: int, num_prompts: int, seed: int, ended: str) -> Measurement:
    """Return the measurement in a result file's `text`; `log` is the output of the tool.

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
        raise ResultError(N_("The result file does not contain a measurement: {reason}."), reason=reason) from None


def requests_done(log: str) -> tuple[int, int] | None:
    """Return finished and total requests according to the log; None if it does not contain them."""
    counts = _COUNT.findall(log.replace("\r", "\n"))
    return (int(counts[-1][0]), int(counts[-1][1])) if counts else None


def logged_errors(log: str) -> list[str]:
    """Return the distinct errors of failed requests in the log, one line each."""
    named = [*_FAILED_REQUEST.findall(log), *_INITIAL_REQUEST.findall(log)]
    return list(dict.fromkeys(map(_short, named)))[:_SHOWN]


def explain_no_result(log: str, *, url: str, concurrency: int, num_prompts: int) -> Problem:
    """Return the problem of a measurement without a result, from the log of the tool."""
    if errors := logged_errors(log):
        return _no_answer("; ".join(errors), url, concurrency, num_prompts)
    return Problem(
        "no-result",
        N_("`vllm bench serve` exited without a result at concurrency {concurrency}. Its last output was: {line}."),
        N_("Check bench_tokenizer, bench_image and bench_endpoint."),
        concurrency=concurrency,
        line=_short(log).rstrip(".") or Message("", N_("nothing")),
    )


def failed_requests(measured: Measurement) -> list[Problem]:
    """Return the warning about failed requests of a measurement; empty if all succeeded."""
    if not measured.failed:
        return []
    message = N_(
        "At concurrency {concurrency}, {failed} of {count} requests failed. The results cover only the other requests."
    )
    if measured.errors:
        message = N_(
            "At concurrency {concurrency}, {failed} of {count} requests failed: {errors}. The results cover only"
            " the other requests."
        )
    return [
        Problem(
            "failed-requests",
            message,
            N_("Read the engine's log on the head node: docker logs inferfleet-engine."),
            concurrency=measured.concurrency,
            failed=measured.failed,
            count=measured.num_prompts,
            errors="; ".join(measured.errors),
        )
    ]


def _no_answer(errors: str, url: str, concurrency: int, count: int) -> Problem:
    """Return the problem of a measurement whose requests all failed with these errors."""
    if re.search(r"Unauthorized|Forbidden|\b40[13]\b", errors):
        remedy = N_("The API key is wrong: do not set bench_api_key, or set it to the key of the engine.")
    elif re.search(r"Not Found|\b404\b", errors):
        remedy = N_("Check bench_model (the served model name), bench_api_url and bench_endpoint.")
    elif re.search(r"Cannot connect|ClientConnector|Connection refused", errors):
        remedy = N_("Nothing listens on this address: deploy with `inferfleet up`, or run `inferfleet status`.")
    elif re.search(r"Bad Request|\b400\b", errors):
        remedy = N_(
            "The engine rejects the requests: reduce bench_input_len or bench_output_len; its log shows the reason."
        )
    else:
        remedy = N_(
            "Run `inferfleet status` to check the service, and read the engine's log: `docker logs inferfleet-engine`."
        )
    message = N_("All {count} requests at concurrency {concurrency} to {url} failed: {errors}.")
    values = {"count": count, "concurrency": concurrency, "url": url, "errors": errors.rstrip(".")}
    return Problem("no-answer", message, remedy, **values)


def _mapping(text: str) -> Mapping[str, Any]:
    try:
        found = json.loads(text)
    except json.JSONDecodeError as error:
        raise ResultError(N_("The result file is not JSON: {reason}."), reason=str(error)) from None
    if not isinstance(found, Mapping):
        raise ResultError(N_("The result file does not contain a mapping."))
    return found


def _short(output: str) -> str:
    """Return an error as one line: for tracebacks, the exception of the last one."""
    if exceptions := _EXCEPTION.findall(output):
        return str(exceptions[-1]).strip()
    lines = [line.strip() for line in output.replace("\r", "\n").splitlines() if line.strip()]
    return lines[-1] if lines else ""


def _latency(found: Mapping[str, Any], name: str) -> Latency:
    return Latency(mean=found[f"mean_{name}_ms"], median=found[f"median_{name}_ms"], p99=found[f"p99_{name}_ms"])
