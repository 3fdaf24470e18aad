"""Which replica gets a request: by the beginning of its prompt, and only if its completions work."""

import contextlib
import itertools
import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from tests.gateway.conftest import run_gateway

from inferfleet.gateway import issue_server
from inferfleet.gateway.certificate import Pair

CHAT, MODEL = "/v1/chat/completions", "deepseek/r1"
ALICE = {"Authorization": "Bearer sk-alice"}
LONG = "Answer in one sentence. " * 100


@pytest.fixture(scope="module")
def routed(tmp_path_factory):
    with run_gateway(tmp_path_factory.mktemp("routing"), checked=True) as gateway:
        yield gateway


def post(gateway, body, path=CHAT, *, ascii_only=True):
    """Return the replica that answered."""
    content = json.dumps({"model": MODEL, **body}, ensure_ascii=ascii_only).encode()
    with gateway.client(headers=ALICE) as client:
        answer = client.post(path, content=content, headers={"Content-Type": "application/json"})
    assert answer.status_code == 200, answer.text
    return answer.json()["server"]


def chat(gateway, *contents, roles=("system", "user", "assistant", "user"), **options):
    """Return the replica that answered a conversation."""
    messages = [{"role": role, "content": content} for role, content in zip(roles, contents, strict=False)]
    return post(gateway, {"messages": messages}, **options)


def state(gateway, name="n1"):
    """Return HAProxy's state of a replica."""
    lines = gateway.admin("show stat").splitlines()
    row = next(line.split(",") for line in lines if f",{name}_{gateway.engines[name].port}," in line)
    return dict(zip(lines[0].lstrip("# ").split(","), row, strict=False))


def checked(gateway, name):
    """Return the state of a replica in the completion check."""
    states = httpx.get(f"http://127.0.0.1:{gateway.limits.check_port}/", trust_env=False).json()
    return next(found for replica, found in states.items() if replica.startswith(f"{name}_"))


def test_turns_of_a_conversation_use_one_replica_and_conversations_both(routed):
    used = []
    for number in range(12):
        first = chat(routed, LONG, f"Question {number}")
        later = {chat(routed, LONG, f"Question {number}", "Answer", f"And {turn}?") for turn in range(4)}
        assert later == {first}
        used.append(first)
    assert {*used} == {"n1", "n2"}


@pytest.mark.parametrize(
    ("first", "second", "path"),
    [
        ({"prompt": LONG + "1"}, {"prompt": LONG + "2", "n": 1}, "/v1/completions"),
        ({"prompt": [LONG + "1"]}, {"n": 1, "prompt": [LONG + "2"]}, "/v1/completions"),
        ({"input": LONG + "1"}, {"input": LONG + "2"}, "/v1/responses"),
        ({"input": "a", "prompt_cache_key": "k"}, {"input": "b", "prompt_cache_key": "k"}, "/v1/responses"),
        (
            {"messages": [{"role": "user", "content": [{"type": "text", "text": LONG + "1"}]}]},
            {"messages": [{"content": [{"text": LONG + "2", "type": "text"}], "role": "user"}]},
            CHAT,
        ),
        (
            {"messages": [{"role": "user", "content": "Hello"}]},
            {"messages": [{"role": "user", "content": "Hello"}, {"role": "assistant", "content": "Hi"}]},
            CHAT,
        ),
    ],
)
def test_same_beginning_uses_one_replica(routed, first, second, path):
    assert post(routed, first, path) == post(routed, second, path)


@pytest.mark.parametrize("ascii_only", [True, False])
def test_text_in_other_scripts_is_read(routed, ascii_only):
    texts = [f"第{number}个问题：法国的首都是哪里？" for number in range(12)]
    first = [chat(routed, "你是助手。", text, ascii_only=ascii_only) for text in texts]
    again = [chat(routed, "你是助手。", text, "巴黎。", "为什么？", ascii_only=ascii_only) for text in texts]
    assert first == again
    assert {*first} == {"n1", "n2"}


def test_prefix_that_everyone_uses_does_not_overload_a_replica(routed):
    with ThreadPoolExecutor(16) as pool:
        body = {"messages": [{"role": "user", "content": "popular"}], "wait": 0.5}
        used = [*pool.map(lambda _: post(routed, body), range(16))]
    assert max(used.count("n1"), used.count("n2")) <= 12  # 150 % of the average


def test_header_of_a_client_has_no_effect(routed):
    body = {"model": MODEL, "messages": [{"role": "user", "content": "same"}]}
    with routed.client(headers=ALICE) as client:
        answers = [client.post(CHAT, json=body, headers={"X-Prefix-Hash": str(n)}).json() for n in range(8)]
    assert len({answer["server"] for answer in answers}) == 1


@pytest.mark.parametrize("completions", ["fail", "hang"])
def test_replica_whose_completions_fail_is_left_out_and_used_again(routed, completions):
    engine = routed.engines["n1"]
    engine.completions = completions
    routed.until(lambda: state(routed)["status"].startswith("DOWN"))
    with httpx.Client(trust_env=False) as direct:
        assert direct.get(f"http://127.0.0.1:{engine.port}/health").status_code == 200
    assert {post(routed, {"prompt": f"{number}"}, "/v1/completions") for number in range(8)} == {"n2"}
    engine.completions = "ok"
    engine.resume.set()
    routed.until(lambda: state(routed)["status"].startswith("UP"))
    engine.resume.clear()


def test_replica_with_a_long_queue_stays(routed):
    engine = routed.engines["n4"]
    with ThreadPoolExecutor() as pool:
        running = pool.submit(stream, routed, 40, "busy")
        routed.until(lambda: engine.tokens > 0)
        engine.completions = "hang"
        running.result()
        assert checked(routed, "model_busy/n4") == "up"
        routed.until(lambda: state(routed, "n4")["status"].startswith("DOWN"))
    engine.completions = "ok"
    engine.resume.set()
    routed.until(lambda: state(routed, "n4")["status"].startswith("UP"))


def test_completion_check_shows_its_results(routed):
    routed.engines["n3"].completions = "fail"
    routed.until(lambda: checked(routed, "model_small/n3") == "down #completions answered with 500")
    routed.engines["n3"].completions = "ok"
    routed.until(lambda: checked(routed, "model_small/n3") == "up")


def stream(gateway, tokens, model=MODEL, prompt=""):
    """Return the server and the number of events of a stream."""
    body = {"model": model, "stream": True, "max_tokens": tokens, "prompt": prompt}
    with gateway.client(headers=ALICE) as client, client.stream("POST", "/v1/completions", json=body) as answer:
        assert answer.status_code == 200
        lines = [line.split() for line in answer.iter_lines() if line]
    return lines[0][1], len(lines)


def test_reload_with_100_streams_and_a_renewed_certificate_breaks_none(routed):
    with ThreadPoolExecutor(100) as pool:
        before = routed.sent_tokens()
        running = [pool.submit(stream, routed, 40, prompt=f"{number}") for number in range(100)]
        routed.until(lambda: routed.sent_tokens() >= before + 100)
        routed.until(lambda: int(state(routed)["scur"]) + int(state(routed, "n2")["scur"]) == 100)
        authority = Pair((routed.folder / "ca.pem").read_text(), routed.authority_key)
        renewed = issue_server(authority, ["127.0.0.1"])
        Path(routed.paths.of("certificate")).write_text(renewed.certificate + renewed.key)
        routed.reload_and_wait()
        with routed.client() as client, client.stream("GET", "/health") as answer:
            shown = answer.extensions["network_stream"].get_extra_info("ssl_object").getpeercert()
        assert [name for _, name in shown["subjectAltName"]] == ["127.0.0.1"]
        assert {run.result()[1] for run in running} == {40}


def test_killed_completion_check_takes_nothing_out(routed):
    routed.check.kill()
    routed.check.wait()
    assert {post(routed, {"prompt": f"{number}"}, "/v1/completions") for number in range(12)} == {"n1", "n2"}


def test_killed_replica_under_load_breaks_no_stream_of_the_other(routed):
    """Last test: it ends an engine."""
    stop, results = threading.Event(), []

    def load(worker):
        with routed.client(headers=ALICE) as client:
            for number in itertools.count():
                begin = time.monotonic()
                status, server = 0, None
                with contextlib.suppress(httpx.RemoteProtocolError):  # a request that the engine had when it ended
                    answer = client.post("/v1/completions", json={"model": MODEL, "prompt": f"{worker} {number}"})
                    status, server = answer.status_code, answer.json().get("server")
                results.append((begin, time.monotonic() - begin, status, server))
                if stop.is_set():
                    return

    with ThreadPoolExecutor(20) as pool:
        streams = [pool.submit(stream, routed, 30, prompt=f"{number}") for number in range(12)]
        loads = [pool.submit(load, worker) for worker in range(4)]
        routed.until(lambda: {server for *_, server in results} >= {"n1", "n2"})
        routed.engines["n1"].stop()
        killed = time.monotonic()
        routed.until(lambda: state(routed)["status"].startswith("DOWN"))
        stop.set()
        assert [run.result() for run in loads] == [None] * 4
        kept = [run.result() for run in streams if run.exception() is None]
    assert ("n2", 30) in kept
    assert {count for server, count in kept if server == "n2"} == {30}
    after = [(status, server) for begin, _, status, server in results if begin > killed]
    assert {*after} == {(200, "n2")}
    assert max(seconds for _, seconds, *_ in results) < 10
