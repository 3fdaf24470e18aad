"""weights_manifest with sources that limit the number of requests."""

from types import SimpleNamespace

import pytest
from ansible.module_utils.weights.sources.source import SourceError, refused

SPEC = {"type": "huggingface", "repository": "o/n", "revision": "main"}


class Source:
    title = "huggingface"

    def __init__(self, answers):
        self.answers = answers

    def describe(self):
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return "c0ffee", answer


def limited(wait):
    return refused_with(429, {"Retry-After": wait} if wait else {})


def refused_with(status, headers):
    error = RuntimeError(f"{status}")
    error.response = SimpleNamespace(status_code=status, headers=headers)
    return refused(error, 60)


@pytest.mark.parametrize(
    ("answers", "waits", "repeated"),
    [
        ([{"a": 1}], [], False),
        ([limited("40"), {"a": 1}], [40], False),
        ([limited("Wed, 21 Oct 2026 07:28:00 GMT"), {"a": 1}], [10], False),
        ([limited("900"), limited(""), limited("")], [60, 20], True),
        ([refused_with(404, {}), {"a": 1}], [], False),
        ([SourceError("no data for 60 s"), {"a": 1}], [], False),
    ],
)
def test_requests_are_repeated_after_the_time_that_the_hub_requests(load, monkeypatch, answers, waits, repeated):
    module, slept, source = load("weights_manifest"), [], Source([*answers])
    monkeypatch.setattr(module, "make_source", lambda *_: source)
    monkeypatch.setattr(module.time, "sleep", slept.append)
    *_, still_limited = module.described({"sources": [SPEC], "tokens": {}})
    assert (slept, still_limited) == (waits, repeated)
