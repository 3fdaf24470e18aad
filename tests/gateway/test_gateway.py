"""The rendered configuration in the distribution's HAProxy: what it lets through, refuses, limits and logs."""

import json
import socket
import ssl
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from tests.gateway.conftest import BODY_BYTES, CLIENTS, ENGINE_KEY, KEYS

from inferfleet.gateway import hash_key

ROOT = Path(__file__).parents[2]
CHAT = "/v1/chat/completions"
ALICE = {"Authorization": "Bearer sk-alice"}


def refused(answer: httpx.Response, status: int, code: str | None) -> None:
    """Assert an error in OpenAI's format."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/json"
    error = answer.json()["error"]
    assert {*error} == {"message", "type", "param", "code"}
    assert error["code"] == code


def test_configuration_is_valid_without_warnings(gateway):
    done = subprocess.run(["haproxy", "-c", "-f", gateway.config], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_model_selects_the_backend_and_replicas_share_the_load(gateway):
    answers = [gateway.chat("deepseek/r1").json() for _ in range(12)]
    assert {answer["server"] for answer in answers} == {"n1", "n2"}
    assert {answer["authorization"] for answer in answers} == {f"Bearer {ENGINE_KEY}"}
    other = gateway.chat("small", "bob").json()
    assert (other["server"], other["path"]) == ("n3", "/v1-other/chat/completions")
    assert gateway.chat("busy").json()["authorization"] is None


@pytest.mark.parametrize("position", ["first", "last"])
def test_model_is_read_from_a_large_body(gateway, position):
    filler = {"messages": "x" * (BODY_BYTES - 100)}
    body = {"model": "small", **filler} if position == "first" else {**filler, "model": "small"}
    with gateway.client(headers=ALICE) as client:
        answer = client.post(CHAT, json=body)
        chunked = client.post(CHAT, content=iter([json.dumps(body).encode()]))
    assert BODY_BYTES - 100 < answer.json()["bytes"] <= BODY_BYTES
    assert (answer.json()["server"], chunked.json()["server"]) == ("n3", "n3")


@pytest.mark.parametrize("size", [BODY_BYTES, 100_000_000])
@pytest.mark.parametrize("chunked", [False, True])
def test_larger_body_is_refused(gateway, size, chunked):
    start = b'{"model": "small", "messages": "'
    parts = (start, *(b"x" * 65536 for _ in range(size // 65536)), b'"}')
    sent = sum(map(len, parts))
    length = "Transfer-Encoding: chunked" if chunked else f"Content-Length: {sent}"
    key = "Authorization: Bearer sk-alice"
    head = f"POST {CHAT} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{key}\r\n{length}\r\n\r\n".encode()
    framed = (*(b"%x\r\n%s\r\n" % (len(part), part) for part in parts), b"0\r\n\r\n") if chunked else parts
    answer = gateway.raw_parts([head, *framed])
    assert answer.startswith(b"HTTP/1.1 413 "), answer[:200]
    assert b"request_too_large" in answer
    assert f"larger than {BODY_BYTES} bytes".encode() in answer


def test_unknown_model_and_model_of_others_are_not_found(gateway):
    refused(gateway.chat("other"), 404, "model_not_found")
    refused(gateway.chat("deepseek/r1", "bob"), 404, "model_not_found")
    refused(gateway.chat("../admin"), 404, "model_not_found")
    refused(gateway.chat(""), 404, "model_not_found")


@pytest.mark.parametrize("body", [b"", b"no json", b"[]", b'{"model": null}', b'{"model": ["small"]}', b'{"x": 1}'])
def test_body_without_a_model_is_refused(gateway, body):
    with gateway.client(headers=ALICE) as client:
        refused(client.post(CHAT, content=body), 400, "model_required")


def test_engine_reads_the_model_of_the_backend(gateway):
    """HAProxy reads the first `model` and Python the last one: the backend's engine refuses another than its own."""
    with gateway.client(headers={"Authorization": "Bearer sk-bob"}) as client:
        answer = client.post(CHAT, content=b'{"model": "small", "model": "deepseek/r1"}')
    assert answer.json()["server"] == "n3"


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [("Authorization", "")],
        [("Authorization", "Bearer")],
        [("Authorization", "Bearer sk-wrong")],
        [("Authorization", "sk-alice")],
        [("Authorization", "Basic sk-alice")],
        [("Authorization", "Bearer sk-alice sk-wrong")],
        [("Authorization", "Bearer sk-alice,sk-wrong")],
        [("Authorization", f"Bearer {hash_key('sk-alice')}")],
        [("Authorization", f"Bearer {ENGINE_KEY}")],
        [("Authorization", "Bearer sk-alice"), ("Authorization", "Bearer sk-wrong")],
        [("X-Api-Key", "sk-alice")],
        [("Cookie", "key=sk-alice")],
    ],
)
@pytest.mark.parametrize(("method", "path"), [("POST", CHAT), ("GET", "/v1/models")])
def test_request_without_a_valid_key_is_refused(gateway, headers, method, path):
    with gateway.client() as client:
        answer = client.request(method, path, headers=headers, json={"model": "small"} if method == "POST" else None)
    refused(answer, 401, "invalid_api_key")
    assert answer.headers["www-authenticate"] == "Bearer"


def test_key_in_the_query_string_is_refused_and_not_logged(gateway):
    with gateway.client() as client:
        for name in ("api_key", "key", "access_token"):
            refused(client.post(f"{CHAT}?{name}=sk-alice", json={"model": "small"}), 400, "query_not_allowed")
            refused(client.get(f"/v1/models?{name}=sk-alice", headers=ALICE), 400, "query_not_allowed")
    assert "sk-alice" not in gateway.log.read_text()


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/invocations",
        "/pause",
        "/resume",
        "/metrics",
        "/tokenize",
        "/version",
        "/ping",
        "/docs",
        "/v1",
        "/v1/",
        "//v1/chat/completions",
        "/v1//chat/completions",
        "/v1/chat/completions/",
        "/v1/../invocations",
        "/v1/chat/completions/../../../invocations",
        "/v1/./chat/completions",
        "/v1/%2e%2e/invocations",
        "/v1/chat%2fcompletions",
        "/v1/chat%2Fcompletions",
        "/v1%2fchat/completions",
        "/%76%31/chat/completions",
        "/v1/chat/completions%00",
        "/v1/chat/completions;x=1",
        "/v1\\chat\\completions",
        "/V1/chat/completions",
        "/v1/load_lora_adapter",
        "/v1/models/../../invocations",
        "/health/../invocations",
    ],
)
@pytest.mark.parametrize("method", ["POST", "GET"])
def test_other_paths_are_not_found(gateway, path, method):
    before = [len(engine.requests) for engine in gateway.engines.values()]
    body = b'{"model": "small"}'
    answer = gateway.raw(
        f"{method} {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer sk-alice\r\nConnection: close\r\n"
        f"Content-Length: {len(body)}\r\n\r\n".encode()
        + body
    )
    assert answer.startswith((b"HTTP/1.1 404 ", b"HTTP/1.1 400 ")), answer[:200]
    assert [len(engine.requests) for engine in gateway.engines.values()] == before


def test_other_methods_are_refused(gateway):
    with gateway.client(headers=ALICE) as client:
        for method, path, allowed in (("GET", CHAT, "POST"), ("DELETE", CHAT, "POST"), ("POST", "/v1/models", "GET")):
            answer = client.request(method, path)
            refused(answer, 405, "method_not_allowed")
            assert answer.headers["allow"] == allowed


def test_model_list_is_that_of_the_key(gateway):
    with gateway.client() as client:
        models = {
            name: [m["id"] for m in client.get("/v1/models", headers={"Authorization": f"Bearer {key}"}).json()["data"]]
            for name, key in KEYS.items()
        }
    every = ["deepseek/r1", "small", "busy"]
    assert models == {"alice": every, "bob": ["small"], "slow": every, "single": every}


def test_rate_limit(gateway):
    answers = [gateway.chat("small", "slow") for _ in range(5)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429, 429]
    refused(answers[-1], 429, "rate_limit_exceeded")
    assert answers[-1].headers["retry-after"] == "21"
    assert gateway.chat("small").status_code == 200


def test_limit_of_concurrent_requests(gateway):
    with ThreadPoolExecutor() as pool:
        first = pool.submit(gateway.chat, "small", "single", wait=1)
        time.sleep(0.4)
        second = gateway.chat("small", "single")
        refused(second, 429, "rate_limit_exceeded")
        assert second.headers["retry-after"] == "1"
        assert first.result().status_code == 200
    assert gateway.chat("small", "single").status_code == 200


def test_queue_is_bounded_in_length_and_time(gateway):
    with ThreadPoolExecutor() as pool:
        running = pool.submit(gateway.chat, "busy", wait=3)
        time.sleep(0.3)
        waiting = pool.submit(gateway.chat, "busy")  # for at most queue_seconds
        time.sleep(0.3)
        beyond = gateway.chat("busy")
        refused(beyond, 503, "overloaded")
        assert beyond.headers["retry-after"] == "5"
        assert beyond.elapsed.total_seconds() < 0.5
        refused(waiting.result(), 503, "overloaded")
        assert waiting.result().headers["retry-after"] == "5"
        assert 1.5 < waiting.result().elapsed.total_seconds() < 2.9
        assert running.result().status_code == 200


def test_revoked_key_is_refused_without_a_reload(gateway):
    with gateway.client(headers={"Authorization": "Bearer sk-bob"}) as client:
        assert client.post(CHAT, json={"model": "small"}).status_code == 200
        gateway.admin(f"del map {gateway.paths.of('keys')} {hash_key('sk-bob')}")
        try:
            refused(client.post(CHAT, json={"model": "small"}), 401, "invalid_api_key")  # also on an open connection
        finally:
            gateway.admin(f"add map {gateway.paths.of('keys')} {hash_key('sk-bob')} bob")
        assert client.post(CHAT, json={"model": "small"}).status_code == 200


def test_replaced_keys_apply_at_once_also_to_the_process_that_a_reload_replaces(gateway):
    keys = Path(gateway.paths.of("keys"))
    before = keys.read_text()
    replaced = {"changed": True, "written": ["keys.map"], "replaced": ["keys.map"], "running": True, "refused": ""}
    loads = gateway.log.read_text().count("Loading success")
    started = threading.Event()
    with ThreadPoolExecutor() as pool, gateway.client(headers={"Authorization": "Bearer sk-bob"}) as client:
        running = pool.submit(stream, gateway, 20, started)  # keeps the previous process
        assert started.wait(5)
        assert client.post(CHAT, json={"model": "small"}).status_code == 200
        without = "".join(line for line in before.splitlines(keepends=True) if not line.endswith(" bob\n"))
        try:
            assert replaced.items() <= replace_maps(gateway, **{"keys.map": without}).items()
            assert not replace_maps(gateway, **{"keys.map": without})["changed"]
            refused(gateway.chat("small", "bob"), 401, "invalid_api_key")
            assert gateway.chat("small").status_code == 200
            gateway.reload()
            gateway.until(lambda: gateway.log.read_text().count("Loading success") > loads)
            refused(client.post(CHAT, json={"model": "small"}), 401, "invalid_api_key")
        finally:
            assert replaced.items() <= replace_maps(gateway, **{"keys.map": before}).items()
        assert len(running.result()) == 20
    assert gateway.chat("small", "bob").status_code == 200
    other = replace_maps(gateway, **{"no.map": ""})
    assert (other["replaced"], "Unknown map" in other["refused"]) == ([], True)


def replace_maps(gateway, **maps):
    """Return the result of the module `haproxy_maps`."""
    arguments = {"folder": str(gateway.folder), "socket": str(gateway.master), "maps": maps}
    done = subprocess.run(
        [sys.executable, ROOT / "tests/run_module.py", "haproxy_maps"],
        input=json.dumps({"ANSIBLE_MODULE_ARGS": {**arguments, "_ansible_remote_tmp": "/tmp"}}),
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)


def test_key_itself_is_not_on_the_gateway(gateway):
    files = [path for path in gateway.folder.iterdir() if path.is_file() and path.name != "log"]
    assert [path.name for path in files if any(key in path.read_text() for key in KEYS.values())] == []


def test_drained_replica_gets_no_new_request(gateway):
    name = f"model_deepseek_r1/n1_{gateway.engines['n1'].port}"
    gateway.admin(f"set server {name} state drain")
    try:
        assert {gateway.chat("deepseek/r1").json()["server"] for _ in range(4)} == {"n2"}
    finally:
        gateway.admin(f"set server {name} state ready")
    assert {gateway.chat("deepseek/r1").json()["server"] for _ in range(12)} == {"n1", "n2"}


def stream(gateway, tokens, started):
    with gateway.client(headers=ALICE) as client:
        body = {"model": "deepseek/r1", "stream": True, "max_tokens": tokens}
        with client.stream("POST", CHAT, json=body) as answer:
            lines = []
            for line in answer.iter_lines():
                started.set()
                lines.append(line)
    return [line for line in lines if line]


def test_stream_arrives_in_parts_and_outlives_a_reload(gateway):
    started = threading.Event()
    begin = time.monotonic()
    with ThreadPoolExecutor() as pool:
        running = pool.submit(stream, gateway, 20, started)
        assert started.wait(5)
        assert time.monotonic() - begin < 1
        loads = gateway.log.read_text().count("Loading success")
        gateway.reload()
        gateway.until(lambda: gateway.log.read_text().count("Loading success") > loads)
        assert gateway.chat("small").status_code == 200
        assert len(running.result()) == 20


def test_unhealthy_replica_is_left_out(gateway):
    gateway.engines["n1"].healthy = False
    try:
        gateway.until(lambda: {gateway.chat("deepseek/r1").json()["server"] for _ in range(4)} == {"n2"})
    finally:
        gateway.engines["n1"].healthy = True
    gateway.until(lambda: "DOWN" not in gateway.admin("show stat"))


def test_health_needs_no_key_and_one_replica(gateway):
    with gateway.client() as client:
        assert client.get("/health").json() == {"status": "ok"}
        for engine in gateway.engines.values():
            engine.healthy = False
        try:
            gateway.until(lambda: client.get("/health").status_code == 503)
            refused(gateway.chat("small"), 503, "overloaded")
        finally:
            for engine in gateway.engines.values():
                engine.healthy = True
        gateway.until(lambda: client.get("/health").status_code == 200)
    gateway.until(lambda: "DOWN" not in gateway.admin("show stat"))
    status = f"http://127.0.0.1:{gateway.limits.status_port}"
    assert [httpx.get(f"{status}{path}", trust_env=False).status_code for path in ("/health", "/")] == [200, 404]


def test_log_has_client_model_and_times_but_no_prompt_or_key(gateway):
    gateway.chat("deepseek/r1", temperature=0)
    gateway.until(lambda: any(line["client"] == "alice" for line in gateway.requests()))
    line = next(line for line in gateway.requests()[::-1] if line["replica"].startswith("n"))
    expected = {"client": "alice", "model": "deepseek/r1", "method": "POST", "path": CHAT, "status": 200}
    assert {key: line[key] for key in expected} == expected
    assert line["ttfb_ms"] >= 0
    assert line["bytes"] > 0
    text = gateway.log.read_text()
    assert [secret for secret in ("secret prompt", ENGINE_KEY, *KEYS.values()) if secret in text] == []


def test_http2_and_old_tls(gateway):
    context = ssl.create_default_context(cafile=str(gateway.folder / "ca.pem"))
    context.set_alpn_protocols(["h2", "http/1.1"])
    with (
        socket.create_connection(("127.0.0.1", gateway.port)) as plain,
        context.wrap_socket(plain, server_hostname="gateway.example.com") as channel,
    ):
        assert channel.selected_alpn_protocol() == "h2"
        assert channel.version() == "TLSv1.3"
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.set_ciphers("ALL:@SECLEVEL=0")
    with socket.create_connection(("127.0.0.1", gateway.port)) as plain, pytest.raises(ssl.SSLError):
        context.wrap_socket(plain, server_hostname="gateway.example.com")


def test_request_over_http2(gateway):
    curl = ["curl", "--silent", "--http2", "--cacert", gateway.folder / "ca.pem", "--noproxy", "*"]
    url = f"https://127.0.0.1:{gateway.port}{CHAT}"
    body = {"messages": "x" * 200000, "model": "small"}
    done = subprocess.run(
        [*curl, "--write-out", "\n%{http_version}", "--header", "Authorization: Bearer sk-alice", "--json", "@-", url],
        input=json.dumps(body),
        capture_output=True,
        text=True,
        check=True,
    )
    answer, version = done.stdout.rsplit("\n", 1)
    assert (json.loads(answer)["server"], version) == ("n3", "2")


@pytest.mark.parametrize(
    ("headers", "statuses"),
    [
        ("Content-Length: 18\r\nContent-Length: 19", (b"400",)),
        ("Content-Length: 18\r\nTransfer-Encoding: chunked", (b"200", b"400")),
        ("Transfer-Encoding: xchunked", (b"400", b"422", b"501")),
        ("Content-Length: -1", (b"400",)),
        ("Content-Length : 18", (b"400",)),
        ("Content-Length: 18\r\nbad header: 1", (b"400",)),
    ],
)
def test_smuggled_requests_do_not_reach_an_engine(gateway, headers, statuses):
    before = [len(engine.requests) for engine in gateway.engines.values()]
    hidden = b"POST /invocations HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}"
    head = f"POST {CHAT} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer sk-alice\r\n{headers}\r\n\r\n".encode()
    body = b'12\r\n{"model": "small"}\r\n0\r\n\r\n' if "chunked" in headers else b'{"model": "small"}'
    answer = gateway.raw(head + body + hidden, seconds=3)
    assert answer.split(b" ")[1] in statuses, answer[:200]
    assert all(path.endswith("/chat/completions") for engine in gateway.engines.values() for path in engine.requests)
    after = [len(engine.requests) for engine in gateway.engines.values()]
    assert sum(after) - sum(before) == int(answer.startswith(b"HTTP/1.1 200"))


def test_http_1_0_and_absolute_urls(gateway):
    body = b'{"model": "small"}'
    length = f"Authorization: Bearer sk-alice\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    for request in (
        f"POST {CHAT} HTTP/1.0\r\n",
        f"POST http://other{CHAT} HTTP/1.1\r\nHost: other\r\nConnection: close\r\n",
    ):
        answer = gateway.raw(request.encode() + length + body)
        assert answer.split(b" ")[1] == b"200", answer
        assert b'"path": "/v1-other/chat/completions"' in answer


@pytest.mark.parametrize("part", ["headers", "body"])
def test_slow_clients_are_disconnected(gateway, part):
    request = f"POST {CHAT} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer sk-alice\r\n"
    sent = request if part == "headers" else f'{request}Content-Length: 100\r\n\r\n{{"model": '
    begin = time.monotonic()
    answer = gateway.raw(sent.encode(), seconds=20)
    assert b" 408 " in answer.splitlines()[0]
    assert time.monotonic() - begin < 15


def test_connection_without_a_tls_handshake_is_closed(gateway):
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=15) as connection:
        assert connection.recv(1) == b""


@pytest.mark.parametrize("http", ["--http1.1", "--http2"])
@pytest.mark.parametrize("body", [{"wait": 3}, {"stream": True, "max_tokens": 2, "pause": 3}])
def test_client_may_wait_longer_for_an_answer_than_it_may_be_silent(gateway, http, body):
    assert gateway.limits.client_seconds < 3
    command = [
        "curl",
        "--silent",
        http,
        "--cacert",
        gateway.folder / "ca.pem",
        "--write-out",
        "%{http_code} %{http_version}",
    ]
    command += ["--header", "Authorization: Bearer sk-alice", "--json", json.dumps({"model": "small", **body})]
    done = subprocess.run(
        [*command, f"https://127.0.0.1:{gateway.port}{CHAT}"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done
    assert done.stdout.endswith("200 2" if http == "--http2" else "200 1.1")
    assert "n3" in done.stdout


def test_large_headers_are_rejected(gateway):
    """They would fill the buffer, and the size of the body would not be known."""
    body = json.dumps({"model": "small", "padding": "x" * (2 * gateway.limits.body_bytes)}).encode()
    with gateway.client(headers={"Authorization": "Bearer sk-alice", "X-Padding": "x" * 30000}) as client:
        answer = client.post(CHAT, content=iter([body]))
    assert (answer.status_code, answer.json()["error"]["code"]) == (431, "headers_too_large")


def test_killed_replica_is_replaced_by_another(gateway):
    """Last test: it ends an engine."""
    gateway.engines["n1"].stop()
    answers = [gateway.chat("deepseek/r1") for _ in range(10)]
    assert {(answer.status_code, answer.json()["server"]) for answer in answers} == {(200, "n2")}


def test_clients_of_the_tests_have_keys():
    assert [client["name"] for client in CLIENTS] == [*KEYS]
