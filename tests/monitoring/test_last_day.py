"""The measures of the report's last day: each has a value in a real Prometheus that scraped recorded metrics."""

import re

import httpx
import pytest
from tests.monitoring.recorded import FIXTURES, prometheus

from inferfleet.report.last_day import last_day_of, last_day_query


@pytest.fixture(scope="module")
def day(tmp_path_factory):
    with prometheus(tmp_path_factory.mktemp("prometheus")) as url:
        query = {"query": last_day_query("replica", step="1s")}
        yield last_day_of(httpx.post(f"{url}/api/v1/query", data=query, trust_env=False, timeout=20).json(), "replica")


def test_every_measure_has_a_value(day):
    assert day.keys() == {"replica-1"}
    assert day["replica-1"].keys() == set(re.findall(r'"measure", "(\w+)"', last_day_query("replica")))


def test_values_are_those_of_the_recordings(day):
    measures = day["replica-1"]
    assert measures["availability"] == 1
    assert 0 <= measures["hours"] < 1
    assert 0 < measures["ttft_p50"] <= measures["ttft_p95"]
    first, last = (
        sum(map(float, re.findall(r"^vllm:generation_tokens_total\{.*\} (.*)$", text, re.MULTILINE)))
        for text in ((FIXTURES / f"vllm.{number}.prom").read_text() for number in (0, 2))
    )
    # Prometheus extrapolates an increase to the ends of its window.
    assert measures["generated"] >= last - first > 0


def test_an_answer_without_series_has_no_measures():
    assert last_day_of({}, "replica") == {}
    assert last_day_of({"data": {"result": []}}, "replica") == {}
    nan = {"metric": {"replica": "r", "measure": "ttft_p50"}, "value": [0, "NaN"]}
    assert last_day_of({"data": {"result": [nan]}}, "replica") == {}
