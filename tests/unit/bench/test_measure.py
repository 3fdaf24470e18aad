"""What `vllm bench serve` wrote: recorded results and logs."""

import json

import pytest

from inferfleet.bench import Latency, ResultError, read_measurement

RESULT = "result-vllm-0.32.0.json"
ABOUT = {"concurrency": 4, "num_prompts": 4, "seed": 104, "ended": "2026-11-23T06:06:34Z"}


def test_a_recorded_result(recorded):
    measured = read_measurement(recorded(RESULT), "", **ABOUT)
    assert (measured.completed, measured.failed, measured.errors) == (4, 0, ())
    assert (measured.total_input_tokens, measured.total_output_tokens) == (132, 128)
    assert measured.request_throughput == pytest.approx(4 / measured.duration)
    assert measured.output_throughput == pytest.approx(128 / measured.duration)
    assert measured.total_token_throughput == pytest.approx(260 / measured.duration)
    assert measured.ttft_ms == Latency(mean=167.7728027516423, median=185.81547000212595, p99=195.38950819063757)
    assert measured.e2el_ms.p99 == 2245.0143213404954


def test_one_of_an_older_version_does_not_count_the_failed(recorded):
    older = json.loads(recorded(RESULT)) | {"completed": 3}
    del older["failed"]
    measured = read_measurement(json.dumps(older), "Error 0: Bad Request\n", **ABOUT)
    assert (measured.completed, measured.failed, measured.errors) == (3, 1, ("Bad Request",))


@pytest.mark.parametrize("missing", ["completed", "duration", "output_throughput", "p99_e2el_ms"])
def test_a_result_that_lacks_something(recorded, missing):
    found = json.loads(recorded(RESULT))
    del found[missing]
    with pytest.raises(ResultError, match=f"lacks {missing}"):
        read_measurement(json.dumps(found), "", **ABOUT)


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"completed": "many"}'])
def test_what_is_no_result(text):
    with pytest.raises(ResultError):
        read_measurement(text, "", **ABOUT)


def test_numbers_that_cannot_be(recorded):
    found = json.loads(recorded(RESULT)) | {"duration": -1}
    with pytest.raises(ResultError, match="not a measurement"):
        read_measurement(json.dumps(found), "", **ABOUT)
