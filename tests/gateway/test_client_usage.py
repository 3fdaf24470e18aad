"""The tokens and requests of clients, from real HAProxy with the filter and the program that counts its log."""

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from tests.gateway.answers import CHAT, refused
from tests.gateway.conftest import KEYS, free_port

ROOT = Path(__file__).parents[2]
PROGRAM = ROOT / "roles/gateway/files/usage.py"
DETAILS = '{"prompt_tokens":71,"total_tokens":106,"completion_tokens":35,"prompt_tokens_details":{"cached_tokens":64}}'
RESPONSES = '{"input_tokens":12,"input_tokens_details":{"cached_tokens":0},"output_tokens":34,"total_tokens":46}'


class Counter:
    """The program that counts, with the log of a gateway."""

    def __init__(self, folder, log, **changes):
        self.folder, self.port = folder, free_port()
        settings = {
            "port": self.port,
            "address": ["127.0.0.1", "127.0.0.1", "127.0.0.2"],
            "store": str(folder / "usage.db"),
        }
        settings["source"] = [sys.executable, "-m", "tests.gateway.journal", str(log)]
        self.settings = {**settings, "days": 90, "bytes": 2**26, **changes}

    def __enter__(self):
        file = self.folder / "usage.json"
        file.write_text(json.dumps(self.settings))
        self.process = subprocess.Popen([sys.executable, PROGRAM, file], cwd=ROOT)
        return self

    def __exit__(self, *error):
        self.process.terminate()
        self.process.wait(10)

    def get(self, path):
        answer = httpx.get(f"http://127.0.0.1:{self.port}{path}", trust_env=False)
        assert answer.status_code == 200
        return answer

    def rows(self):
        return {(row["client"], row["model"]): row for row in self.get("/usage?since=0").json()["rows"]}

    def total(self):
        return total(self.rows())


@pytest.fixture(scope="module")
def counter(gateway, tmp_path_factory):
    with Counter(tmp_path_factory.mktemp("usage"), gateway.log) as counter:
        gateway.until(lambda: counter.get("/"))
        yield counter


def tokens(gateway, client="alice", model="small", path=CHAT, **body):
    """Send a request; return the tokens in its line of the log."""
    before = len(gateway.requests())
    with gateway.client(headers={"Authorization": f"Bearer {KEYS[client]}"}) as session:
        answer = session.post(path, json={"model": model, **body})
    assert answer.status_code == 200
    line = gateway.logged(before, client=client, path=path, status=200, termination="----")[-1]
    found = line["prompt_tokens"], line["completion_tokens"]
    return found if found == ("-", "-") else (int(found[0]), int(found[1]))


@pytest.mark.parametrize(
    ("text", "counted"),
    [
        (f'{{"choices":[],"usage":{DETAILS}}}', (71, 35)),
        (f'{{"choices":[], "usage": {DETAILS}, "prompt_logprobs": [{"1," * 30000}1]}}', (71, 35)),
        ('{"data":[],"usage":{"prompt_tokens":5,"total_tokens":5}}', (5, 0)),
        (f'data: {{"type":"response.completed","response":{{"usage":{RESPONSES}}}}}\n\n', (12, 34)),
        ('{"choices":[{"text":"a \\"usage\\":{\\"prompt_tokens\\":9}"}]}', ("-", "-")),
        ('{"choices":[],"usage":null}', ("-", "-")),
        (f'{{"usage":{{"prompt_tokens":1,"completion_tokens":1}}}}{{"usage":{DETAILS}}}', (71, 35)),
        ('{"usage":{"prompt_tokens":' + "1" * 3000, ("-", "-")),
        ("", ("-", "-")),
    ],
    ids=["compact", "before-a-long-end", "embeddings", "responses", "text", "null", "last", "endless", "empty"],
)
def test_tokens_of_an_answer(gateway, text, counted):
    assert tokens(gateway, parts=[text] if text else []) == counted


@pytest.mark.parametrize("size", [1, 2, 3, 7, 50])
def test_parts_may_end_anywhere(gateway, size):
    text = f'{{"id":"usage","choices":[],"usage" : {DETAILS},"x":"y"}}'
    assert tokens(gateway, parts=[text[at : at + size] for at in range(0, len(text), size)]) == (71, 35)


def test_aborted_stream_has_the_tokens_until_then(gateway):
    before = len(gateway.requests())
    body = {"model": "small", "stream": True, "tokens": [40, 2000]}
    with (
        gateway.client(headers={"Authorization": "Bearer sk-alice"}) as client,
        client.stream("POST", CHAT, json=body) as answer,
    ):
        events = (line for line in answer.iter_lines() if line)
        received = [json.loads(next(events).removeprefix("data: ")) for _ in range(20)][-1]["usage"]
    line = gateway.logged(before, termination="CD--")[-1]
    assert line["prompt_tokens"] == "40"
    assert received["completion_tokens"] <= int(line["completion_tokens"]) < 2000


def test_requests_without_an_answer_have_valid_lines(gateway):
    before = len(gateway.requests())
    gateway.raw(b"no http\r\n\r\n")
    with gateway.client() as client:
        refused(client.post(CHAT, json={}), 401, "invalid_api_key")
    refused(gateway.chat("unknown"), 404, "model_not_found")
    for status in (400, 401, 404):
        assert gateway.logged(before, status=status)[-1]["prompt_tokens"] == "-"


def test_compression_is_not_requested_from_the_engine(gateway):
    """The stub engine answers with what it received; a compressed answer could not be read."""
    with gateway.client(headers={"Authorization": "Bearer sk-alice", "Accept-Encoding": "gzip"}) as client:
        answer = client.post(CHAT, json={"model": "small"})
    assert answer.json()["accept_encoding"] is None


def test_older_haproxy_leaves_the_filter_out(gateway, tmp_path):
    """HAProxy 2.4 has conditions, but no filters in Lua."""
    older = gateway.config.read_text().replace("version_atleast(2.5)", "version_atleast(99.0)")
    assert older.count("version_atleast(99.0)") == 4  # the file, and a filter for each of three models
    (tmp_path / "haproxy.cfg").write_text(older.replace("usage.lua", "missing.lua"))
    done = subprocess.run(["haproxy", "-c", "-f", tmp_path / "haproxy.cfg"], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_sums_equal_those_of_the_engine(gateway, counter):
    """Several clients and models at once, streams and other answers, also during a reload of the gateway."""
    engines = gateway.engines.values()
    before = {"prompt": sum(e.prompt_tokens for e in engines), "completion": sum(e.tokens for e in engines)}
    base = counter.rows()

    def send(number):
        model, client = ("deepseek/r1", "alice") if number % 3 else ("small", "bob")
        body = {"tokens": [10 + number, 3 + number % 40], "stream": bool(number % 2)}
        if number == 60:
            gateway.reload_and_wait()
        return gateway.chat(model, client, **body).status_code

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(send, range(120))) == {200}
    sent = {key: counter.rows()[key] for key in (("alice", "deepseek/r1"), ("bob", "small"))}
    gateway.until(lambda: sum(requests(counter, base, key) for key in sent) == 120)
    counted = {name: sum(grown(counter, base, key, f"{name}_tokens") for key in sent) for name in before}
    after = {"prompt": sum(e.prompt_tokens for e in engines), "completion": sum(e.tokens for e in engines)}
    assert counted == {name: after[name] - before[name] for name in before}
    assert requests(counter, base, ("bob", "small")) == 40


def requests(counter, base, key):
    return grown(counter, base, key, "requests").get("200", 0)


def grown(counter, base, key, name):
    """Return how much a count grew since `base`."""
    now, then = counter.rows().get(key, {}).get(name, {}), base.get(key, {}).get(name)
    if isinstance(now, dict):
        return {status: number - (then or {}).get(status, 0) for status, number in now.items()}
    return now - (then or 0)


def test_refused_requests_are_counted(gateway, counter):
    with gateway.client(headers={"Authorization": "Bearer sk-slow"}) as client:
        statuses = [client.post(CHAT, json={"model": "small"}).status_code for _ in range(5)]
    assert statuses.count(429) == 2
    gateway.until(lambda: counter.rows().get(("slow", "-"), {}).get("requests") == {"429": 2})
    metrics = counter.get("/metrics").text
    assert 'inferfleet_client_requests_total{client="slow",model="-",status="429"} 2\n' in metrics


def test_nothing_is_counted_twice_or_lost_after_a_restart(gateway, counter, tmp_path):
    before = len(gateway.requests())
    gateway.chat("small", tokens=[5, 6])
    gateway.logged(before, prompt_tokens="5")
    with Counter(tmp_path, gateway.log) as first:
        gateway.until(lambda: first.total() == counter.total() > 0)
        counted = first.rows()
    gateway.chat("small", tokens=[100, 10])  # while it does not run
    gateway.logged(before, prompt_tokens="100")
    with Counter(tmp_path, gateway.log) as second:
        gateway.until(lambda: second.total() == total(counted) + 1)
        grew = second.rows()["alice", "small"]["prompt_tokens"] - counted["alice", "small"]["prompt_tokens"]
    assert grew == 100


def total(rows):
    """Return the number of requests in rows."""
    return sum(sum(row["requests"].values()) for row in rows.values())
