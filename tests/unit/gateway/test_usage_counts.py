"""The program that counts usage: what it counts, keeps and deletes; and the sums of several gateways."""

import asyncio
import importlib.util
import json
from pathlib import Path

import pytest

from inferfleet.gateway.usage import client_usage, quantile

FILE = Path(__file__).parents[3] / "roles/gateway/files/usage.py"
spec = importlib.util.spec_from_file_location("usage_counts", FILE)
usage = importlib.util.module_from_spec(spec)
spec.loader.exec_module(usage)

DAY = 86400
REQUEST = {
    "client": "alice",
    "model": "m",
    "path": "/v1/chat/completions",
    "termination": "----",
    "status": 200,
    "ttft_ms": "300",
    "total_ms": 4000,
    "prompt_tokens": "10",
    "completion_tokens": "5",
}


def entry(number, seconds, message=None, **changes):
    text = json.dumps({**REQUEST, **changes}) if message is None else message
    return json.dumps({"__CURSOR": f"c{number}", "__REALTIME_TIMESTAMP": str(seconds * 1000000), "MESSAGE": text})


def store(folder, days=90, size=2**26):
    return usage.Store(str(folder / "usage.db"), days, size)


def test_counts_of_requests(tmp_path):
    counting = store(tmp_path)
    for number, changes in enumerate(
        [
            {},
            {"termination": "CD--"},
            {"prompt_tokens": "-", "completion_tokens": "-", "ttft_ms": "-"},
            {"status": 429, "model": "-", "prompt_tokens": "-", "completion_tokens": "-", "ttft_ms": "-"},
            {"status": 503, "prompt_tokens": "-", "completion_tokens": "-", "ttft_ms": "-"},
            {"status": -1, "termination": "CH--", "prompt_tokens": "-", "completion_tokens": "-", "ttft_ms": "-"},
            {"path": "/health", "client": "-"},
            {"path": "/v1/models"},
        ]
    ):
        counting.add(entry(number, DAY, **changes))
    refused, answered = counting.since(0)
    assert (refused["model"], refused["requests"], refused["without_usage"]) == ("-", {"429": 1}, 0)
    assert answered["requests"] == {"200": 3, "503": 1, "-1": 1}
    names = ("aborted", "without_usage", "prompt_tokens", "completion_tokens")
    assert [answered[name] for name in names] == [2, 1, 20, 10]
    assert (sum(answered["ttft"]["buckets"]), sum(answered["duration"]["buckets"])) == (2, 3)
    assert answered["duration"]["sum"] == 12


@pytest.mark.parametrize(
    "message",
    [
        "haproxy: Loading success.",
        "{",
        "[1]",
        "null",
        [123, 34, 255],
        "{}",
        json.dumps({**REQUEST, "status": None}),
        json.dumps({**REQUEST, "prompt_tokens": "many"}),
        json.dumps({name: value for name, value in REQUEST.items() if name != "prompt_tokens"}),
    ],
)
def test_other_lines_count_nothing_and_move_the_position(tmp_path, message):
    counting = store(tmp_path)
    counting.add(entry(7, DAY, message=message))
    assert (counting.since(0), counting.cursor) == ([], "c7")


def test_counts_and_position_are_stored_together(tmp_path):
    first = store(tmp_path)
    first.add(entry(1, DAY))
    first.save()
    first.add(entry(2, DAY))  # lost with the process, and read again
    again = store(tmp_path)
    assert (again.cursor, again.totals["alice", "m"]["prompt_tokens"]) == ("c1", 10)
    again.add(entry(2, DAY))
    assert again.since(0)[0]["prompt_tokens"] == again.totals["alice", "m"]["prompt_tokens"] == 20


def test_span_begins_with_a_full_hour(tmp_path):
    counting = store(tmp_path)
    for number, seconds in enumerate((DAY, DAY + 3600, DAY + 3700)):
        counting.add(entry(number, seconds))
    assert [sum(row["requests"].values()) for row in counting.since(DAY + 3650)] == [2]


def test_old_hours_are_deleted_and_totals_are_not(tmp_path):
    counting = store(tmp_path, days=2)
    for number, seconds in enumerate((DAY, 2 * DAY, 10 * DAY)):
        counting.add(entry(number, seconds))
    assert [sum(row["requests"].values()) for row in counting.since(0)] == [1]
    assert counting.totals["alice", "m"]["requests"] == {"200": 3}


def test_disk_use_is_bounded(tmp_path):
    size = 2**17
    counting = store(tmp_path, days=10**4, size=size)
    for number in range(600):
        counting.add(entry(number, DAY + number * 3600))
        if number % 20 == 0:
            counting.save()
    rows = counting.since(0)
    assert (tmp_path / "usage.db").stat().st_size < 1.5 * size
    assert 0 < sum(rows[0]["requests"].values()) < 600
    assert counting.since(DAY + 599 * 3600) != []  # the newest hour is kept


def test_counts_stay_in_memory_while_the_disk_is_full(tmp_path):
    counting = store(tmp_path)
    counting.save()
    pages = counting.database.execute("PRAGMA page_count").fetchone()[0]
    counting.database.execute(f"PRAGMA max_page_count = {pages}")
    for number in range(200):
        counting.add(entry(number, DAY + number * 3600))
    counting.save()
    counting.database.execute("PRAGMA max_page_count = 100000")
    assert sum(row["requests"]["200"] for row in counting.since(0)) == 200


def test_damaged_file_is_renamed(tmp_path):
    (tmp_path / "usage.db").write_bytes(b"no database" * 1000)
    assert store(tmp_path).since(0) == []
    assert (tmp_path / "usage.db.damaged").read_bytes().startswith(b"no database")


def test_file_with_a_damaged_page_is_renamed(tmp_path):
    counting = store(tmp_path)
    for number in range(200):
        counting.add(entry(number, DAY + number * 3600))
    counting.save()
    counting.database.close()
    content = bytearray((tmp_path / "usage.db").read_bytes())
    content[-4 * 4096 :] = bytes(4 * 4096)  # the schema and the first pages are good
    (tmp_path / "usage.db").write_bytes(content)
    assert store(tmp_path).since(0) == []
    assert (tmp_path / "usage.db.damaged").read_bytes() == content


@pytest.mark.parametrize(
    ("request_line", "status"),
    [
        (b"GET /usage?since=0 HTTP/1.1", b"200"),
        (b"GET /usage?since=1e999 HTTP/1.1", b"400"),
        (b"GET /usage?since=1e30 HTTP/1.1", b"400"),
        (b"GET /usage?since=nan HTTP/1.1", b"400"),
        (b"GET", b"400"),
        (b"", b"400"),  # a client that sends nothing
    ],
)
def test_each_connection_is_answered_and_closed(tmp_path, monkeypatch, request_line, status):
    monkeypatch.setattr(usage, "SECONDS", 0.1)
    service = usage.Service({"store": str(tmp_path / "usage.db"), "days": 90, "bytes": 2**26})

    async def talk():
        async with await asyncio.start_server(service.connected, "127.0.0.1", 0) as server:
            reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
            writer.write(request_line + b"\r\n\r\n" if request_line else b"")
            answer = await reader.read()  # until the end of the connection
            writer.close()
            return answer

    assert asyncio.run(talk()).split(b" ")[1] == status


def test_metrics_escape_names(tmp_path):
    counting = store(tmp_path)
    counting.add(entry(1, DAY, model='a"b\\c'))
    text = usage.metrics(counting.totals)
    assert 'inferfleet_client_prompt_tokens_total{client="alice",model="a\\"b\\\\c"} 10\n' in text
    assert 'inferfleet_client_ttft_seconds_bucket{client="alice",model="a\\"b\\\\c",le="0.25"} 0\n' in text
    assert 'inferfleet_client_ttft_seconds_bucket{client="alice",model="a\\"b\\\\c",le="+Inf"} 1\n' in text


def test_gateways_are_added_up(tmp_path):
    first, second = store(tmp_path / "."), usage.Store(":memory:", 90, 2**26)
    for number in range(3):
        first.add(entry(number, DAY))
    second.add(entry(1, DAY, status=429))
    second.add(entry(2, DAY, client="bob"))
    report = {"since": DAY, "bounds": usage.BOUNDS}
    summed = client_usage(
        {
            "g1": {**report, "until": 2 * DAY, "rows": first.since(0)},
            "g2": {**report, "since": 0, "until": DAY, "rows": second.since(0)},
            "unreachable": None,
        }
    )
    assert (summed["since"], summed["until"], summed["gateways"]) == (0, 2 * DAY, ["g1", "g2"])
    alice, bob = summed["clients"]
    assert (alice["client"], alice["requests"], alice["refused"], alice["prompt_tokens"]) == ("alice", 4, 1, 40)
    assert (bob["client"], bob["requests"]) == ("bob", 1)
    assert 0.25 < alice["ttft_p50"] < 0.5


def test_no_gateway_answered():
    assert client_usage({"g1": None})["clients"] == []


@pytest.mark.parametrize(
    ("share", "counts", "expected"),
    [(0.5, [0, 0, 0], None), (0.5, [2, 0, 0], 0.5), (0.5, [0, 4, 0], 1.5), (0.95, [1, 0, 9], 2.0), (1, [1, 1, 0], 2.0)],
)
def test_quantile(share, counts, expected):
    assert quantile(share, (1.0, 2.0), counts) == expected
