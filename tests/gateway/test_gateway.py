"""The rendered configuration in the distribution's HAProxy: what it lets through, refuses and logs."""

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
from tests.gateway.answers import ALICE, CHAT, refused, stream
from tests.gateway.conftest import BODY_BYTES, CLIENTS, ENGINE_KEY, KEYS

from inferfleet.gateway import hash_key

ROOT = Path(__file__).parents[2]


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


def test_unknown_model_and_model_of_others_are_not_found(gateway):
    refused(gateway.chat("other"), 404, "model_not_found")
    refused(gateway.chat("deepseek/r1", "bob"), 404, "model_not_found")
    refused(gateway.chat("../admin"), 404, "model_not_found")
    refused(gateway.chat(""), 404, "model_not_found")


@pytest.mark.parametrize("body", [b"", b"no json", b"[]", b'{"model": null}', b'{"x": 1}'])
def test_body_without_a_model_is_refused(gateway, body):
    with gateway.client(headers=ALICE) as client:
        refused(client.post(CHAT, content=body), 400, "model_required")


def test_list_as_model_is_refused(gateway):
    """HAProxy 3.0 reads a list as text, older ones do not read it."""
    with gateway.client(headers=ALICE) as client:
        answer = client.post(CHAT, content=b'{"model": ["small"]}')
    refused(answer, answer.status_code, {400: "model_required", 404: "model_not_found"}[answer.status_code])


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


@pytest.mark.parametrize(("method", "path"), [("POST", CHAT), ("GET", "/v1/models")])
def test_expired_key_is_refused(gateway, method, path):
    with gateway.client(headers={"Authorization": "Bearer sk-former"}) as client:
        answer = client.request(method, path, json={"model": "small"} if method == "POST" else None)
    refused(answer, 401, "expired_api_key")
    assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize(("seconds", "status"), [(-1, 401), (3600, 200)])
def test_key_is_refused_from_its_end_on(gateway, seconds, status):
    ends = gateway.paths.of("expiry")
    gateway.admin(f"add map {ends} alice {int(time.time()) + seconds}")
    try:
        with gateway.client(headers={"Authorization": "Bearer sk-alice"}) as client:
            assert client.post(CHAT, json={"model": "small"}).status_code == status
    finally:
        gateway.admin(f"del map {ends} alice")


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
            if name != "former"
        }
    every = ["deepseek/r1", "small", "busy"]
    assert models == {"alice": every, "bob": ["small"], "slow": every, "single": every}


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
            gateway.reload_and_wait()
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


def test_request_over_ipv6(gateway):
    with gateway.client("::1", headers=ALICE) as client:
        assert client.post(CHAT, json={"model": "small"}).json()["server"] == "n3"


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


def test_clients_of_the_tests_have_keys():
    assert [client["name"] for client in CLIENTS] == [*KEYS]
