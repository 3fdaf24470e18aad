"""The rows and values of `inferfleet usage`."""

import csv
import io

from inferfleet.cli.commands.usage import csv_text, of_client, rows_of, usage_blocks

NUMBERS = {
    "requests": 1200,
    "refused": 3,
    "failed": 0,
    "aborted": 1,
    "prompt_tokens": 5_000_000,
    "completion_tokens": 7,
}
TIMES = {"ttft_p50": 0.25, "ttft_p95": None, "duration_p95": 12.5}


def row(client, **changes):
    return {"client": client, "model": "m", **NUMBERS, "without_usage": 0, **TIMES, **changes}


def report(*rows):
    return {"usage": {"since": 0, "until": 86400, "gateways": ["g1"], "clients": [*rows]}}


def test_table_ends_with_the_sum():
    head, table, times = usage_blocks(report(row("alice"), row("bob", requests=1)), True)
    assert head[0].text == "1970-01-01 00:00 to 1970-01-02 00:00 UTC"
    assert [line.label for line in table[1:]] == ["alice m", "bob m", "sum"]
    assert "5,000,000" in table[1].text
    assert "0.25 s" in times[1].text
    assert [line.label for line in times[1:]] == ["alice m", "bob m"]
    assert table[-1].text.split()[:2] == ["1,201", "6"]


def test_answers_without_tokens_are_noted():
    assert "4 answers" in usage_blocks(report(row("alice", without_usage=4)), True)[-1][0].text


def test_no_requests_and_no_report():
    assert usage_blocks(report(), True)[1][0].text == "No requests."
    assert usage_blocks({}, False) == []


def test_only_one_client():
    chosen = of_client(report(row("alice"), row("bob")), "bob")
    assert [line["client"] for line in rows_of(chosen)] == ["bob"]
    assert of_client({}, "bob") == {}


def test_csv():
    read = list(csv.DictReader(io.StringIO(csv_text([row("a,b", without_usage=2)]))))
    assert (read[0]["client"], read[0]["requests"], read[0]["ttft_p95"]) == ("a,b", "1200", "")
