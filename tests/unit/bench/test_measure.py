"""Read recorded results and logs of `vllm bench serve`."""

import json

import pytest

from inferfleet.bench import Latency, ResultError, explain_no_result, read_measurement
from inferfleet.bench.measure import logged_errors, requests_done

RESULT = "result-vllm-0.32.0.json"
ABOUT = {"concurrency": 4, "num_prompts": 4, "seed": 104, "ended": "2026-11-23T06:06:34Z"}


def test_read_recorded_result(recorded):
    measured = read_measurement(recorded(RESULT), "", **ABOUT)
    assert (measured.completed, measured.failed, measured.errors) == (4, 0, ())
    assert (measured.total_input_tokens, measured.total_output_tokens) == (132, 128)
    assert measured.request_throughput == pytest.approx(4 / measured.duration)
    assert measured.output_throughput == pytest.approx(128 / measured.duration)
    assert measured.total_token_throughput == pytest.approx(260 / measured.duration)
    assert measured.ttft_ms == Latency(mean=167.7728027516423, median=185.81547000212595, p99=195.38950819063757)
    assert measured.e2el_ms.p99 == 2245.0143213404954


def test_read_result_recorded_on_an_h200(recorded):
    text = recorded("result-vllm-0.24.0-h200.json")
    measured = read_measurement(text, "", concurrency=64, num_prompts=128, seed=64, ended="2026-11-28T12:01:36Z")
    assert (measured.completed, measured.failed) == (128, 0)
    assert (measured.total_input_tokens, measured.total_output_tokens) == (128 * 1024, 128 * 256)
    assert measured.output_throughput == pytest.approx(128 * 256 / measured.duration)
    assert measured.tpot_ms.median == 37.41595515294139


def test_result_of_an_older_version_without_failed_count(recorded):
    older = json.loads(recorded(RESULT)) | {"completed": 3}
    del older["failed"]
    measured = read_measurement(json.dumps(older), "Error 0: Bad Request\n", **ABOUT)
    assert (measured.completed, measured.failed, measured.errors) == (3, 1, ("Bad Request",))


@pytest.mark.parametrize("missing", ["completed", "duration", "output_throughput", "p99_e2el_ms"])
def test_result_with_missing_key(recorded, missing):
    found = json.loads(recorded(RESULT))
    del found[missing]
    with pytest.raises(ResultError, match=f"lacks {missing}"):
        read_measurement(json.dumps(found), "", **ABOUT)


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"completed": "many"}'])
def test_invalid_result_file(text):
    with pytest.raises(ResultError):
        read_measurement(text, "", **ABOUT)


def test_result_with_invalid_number(recorded):
    found = json.loads(recorded(RESULT)) | {"duration": -1}
    with pytest.raises(ResultError, match="does not contain a measurement"):
        read_measurement(json.dumps(found), "", **ABOUT)


def refused(log):
    return explain_no_result(log, url="http://10.0.0.1:8000/v1/completions", concurrency=4, num_prompts=8)


def test_connection_refused(recorded):
    measured = read_measurement(recorded("result-nobody.json"), recorded("nobody.log"), **ABOUT)
    assert (measured.completed, measured.failed) == (0, 4)
    (error,) = measured.errors
    assert error.startswith("aiohttp.client_exceptions.ClientConnectorError: Cannot connect to host 127.0.0.1:8999")
    problem = refused(recorded("nobody.log"))
    assert problem.message.startswith("All 8 requests at concurrency 4 to http://10.0.0.1:8000/v1")
    assert problem.remedy == "Nothing listens on this address: deploy with `inferfleet up`, or run `inferfleet status`."


def test_client_fails_to_start(recorded):
    problem = refused(recorded("no_tokenizer.log"))
    assert problem.code == "no-result"
    assert "Its last output was: ValueError: Couldn't instantiate the backend tokenizer" in problem.message
    assert "bench_tokenizer" in problem.remedy


@pytest.mark.parametrize(
    ("log", "errors", "remedy"),
    [
        ("Error 0: Unauthorized\nError 1: Unauthorized\n====== Result", ["Unauthorized"], "bench_api_key"),
        ("Error 0: Not Found\n", ["Not Found"], "bench_model"),
        ("Error 0: Bad Request\n", ["Bad Request"], "bench_input_len"),
        ("Error 0: Internal Server Error\nError 1: Bad Gateway\n", ["Internal Server Error", "Bad Gateway"], "status"),
        # vllm/benchmarks/serve.py of 0.8.5.post1 raises this
        (
            "Traceback (most recent call last):\n  x\nValueError: Initial test run failed - Please make sure benchmark"
            " arguments are correctly specified. Error: Unauthorized\n",
            ["Unauthorized"],
            "bench_api_key",
        ),
    ],
)
def test_request_errors(log, errors, remedy):
    assert logged_errors(log) == errors
    assert remedy in refused(log).remedy


@pytest.mark.parametrize("log", ["", "0/4\n4/4\n", "\r\n \r\n"])
def test_log_without_errors(log):
    assert logged_errors(log) == []
    assert refused(log).code == "no-result"


def test_at_most_three_errors_are_shown():
    assert len(logged_errors("".join(f"Error {n}: {n}\n" for n in range(9)))) == 3


def test_requests_done(recorded):
    log = recorded("nobody.log")
    assert requests_done(log) == (4, 4)
    assert requests_done(log[: log.index("4/4")]) == (0, 4)
    assert requests_done("\r0/24\n\r12/24\n") == (12, 24)
    assert requests_done("Starting main benchmark run...\n") is None
