"""The gateway of the deployment from outside: its CA, keys, paths and limits, as clients use it."""

import json
import shlex
import socket
import subprocess
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from lab_cluster import MODEL, QUESTION, ROOT, SECRETS, Controller, Lab, secrets, trusted

pytestmark = pytest.mark.lab
HOST, PORT = "198.18.5.11", 8443
URL = f"https://{HOST}:{PORT}"
BODY = {"model": MODEL, "messages": [{"role": "user", "content": QUESTION.question}], "temperature": 0}


def client_key(name: str = "default") -> str:
    """Return the generated key of a client."""
    return (SECRETS / "api_clients" / name).read_text().strip()


@pytest.fixture
def session(deployed: dict[str, Any]) -> Iterator[httpx.Client]:
    """A client without a key; the gateway uses a restarted engine again when its checks have passed."""
    with httpx.Client(base_url=URL, verify=trusted(), trust_env=False, timeout=60) as client:
        end = time.monotonic() + 60
        while client.get("/health").status_code != 200 and time.monotonic() < end:
            time.sleep(0.5)
        yield client


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


def raw(request: str) -> bytes:
    """Return the response to an HTTP request that no client library would send."""
    received = b""
    with (
        socket.create_connection((HOST, PORT), timeout=20) as plain,
        trusted().wrap_socket(plain, server_hostname=HOST) as channel,
    ):
        channel.sendall(request.encode())
        while part := channel.recv(65536):
            received += part
    return received


def status_of(response: bytes) -> int:
    return int(response.split(b" ", 2)[1])


def test_gateway_is_deployed_without_its_group(deployed: dict[str, Any], lab: Lab) -> None:
    result = deployed["document"]["result"]
    assert result["gateway"]["url"] == f"{URL}/v1"
    assert {item["name"]["message"]: item["ok"] for item in result["verification"]}["API through the gateway on node1"]
    assert lab.ssh("node1", "systemctl is-active inferfleet-gateway").strip() == "active"


def test_printed_command_lists_the_models(deployed: dict[str, Any]) -> None:
    gateway = deployed["document"]["result"]["gateway"]
    key = f"sed 's/^/Authorization: Bearer /' {shlex.quote(gateway['key_file'])}"
    curl = f"curl --silent --show-error --cacert {shlex.quote(gateway['ca_file'])} -H @- {gateway['url']}/models"
    done = subprocess.run(f"{key} | {curl}", shell=True, cwd=ROOT, capture_output=True, text=True, check=True)
    assert [model["id"] for model in json.loads(done.stdout)["data"]] == [MODEL]


def test_model_answers_and_streams(session: httpx.Client) -> None:
    answer = session.post("/v1/chat/completions", json=BODY, headers=bearer(client_key()))
    assert answer.status_code == 200, answer.text
    assert answer.json()["choices"][0]["message"]["content"] == QUESTION.answer
    body = {**BODY, "stream": True}
    with session.stream("POST", "/v1/chat/completions", json=body, headers=bearer(client_key())) as stream:
        lines = [line for line in stream.iter_lines() if line.startswith("data: ")]
    assert lines[-1] == "data: [DONE]"
    assert len(lines) > 2


def test_certificate_of_another_ca_is_not_trusted(deployed: dict[str, Any]) -> None:
    with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
        httpx.get(f"{URL}/health", trust_env=False)


@pytest.mark.parametrize("headers", [{}, bearer("wrong"), {"Authorization": "Basic eDp5"}, {"X-Api-Key": "x"}])
def test_request_without_a_valid_key_is_rejected(session: httpx.Client, headers: dict[str, str]) -> None:
    assert session.get("/v1/models", headers=headers).status_code == 401
    assert session.post("/v1/chat/completions", json=BODY, headers=headers).status_code == 401


def test_key_of_the_engine_is_no_key_of_the_gateway(session: httpx.Client) -> None:
    assert session.get("/v1/models", headers=bearer(secrets()["engine_api_key"])).status_code == 401


def test_key_in_the_query_string_is_rejected_and_not_logged(session: httpx.Client, lab: Lab) -> None:
    key = client_key()
    assert session.get(f"/v1/models?api_key={key}").status_code == 400
    log = lab.ssh("node1", "journalctl --unit inferfleet-gateway --output cat")
    assert '"client":"default"' in log
    assert key not in log
    assert QUESTION.question not in log


@pytest.mark.parametrize(
    "path",
    [
        *("/invocations", "/metrics", "/tokenize", "/version", "/pause", "/docs", "/v1", "/v1/load_lora_adapter"),
        *("//v1/chat/completions", "/v1//chat/completions", "/v1/../invocations", "/v1/chat/../../invocations"),
        *("/v1/%2e%2e/invocations", "/v1%2fchat%2fcompletions", "/%69nvocations", "/v1/chat/completions/"),
        *("/V1/chat/completions", "/v1/chat/completions;x", "/v1\\\\..\\\\invocations"),
    ],
)
def test_other_paths_do_not_exist(deployed: dict[str, Any], path: str) -> None:
    content = json.dumps(BODY)
    for version in ("1.1", "1.0"):
        response = raw(
            f"POST {path} HTTP/{version}\r\nHost: {HOST}\r\nAuthorization: Bearer {client_key()}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(content)}\r\nConnection: close\r\n\r\n{content}"
        )
        assert status_of(response) in {400, 404}
        assert QUESTION.answer.encode() not in response


def test_http_1_0_needs_a_key_too(deployed: dict[str, Any]) -> None:
    assert status_of(raw("GET /v1/models HTTP/1.0\r\n\r\n")) == 401
    response = raw(f"GET /v1/models HTTP/1.0\r\nAuthorization: Bearer {client_key()}\r\n\r\n")
    assert status_of(response) == 200
    assert MODEL.encode() in response


def test_open_webui_uses_the_gateway_with_a_key_of_its_own(
    deployed: dict[str, Any], lab: Lab, controller: Controller
) -> None:
    """`verify` and `status` chat through Open WebUI."""
    assert controller.inferfleet("status").rc == 0
    clients = lab.ssh("node1", "journalctl --unit inferfleet-gateway --output cat")
    assert '"client":"open-webui"' in clients
    form = "{{range .Config.Env}}{{println .}}{{end}}"
    environment = lab.ssh("node1", f"docker inspect --format '{form}' inferfleet-webui")
    assert secrets()["engine_api_key"] not in environment
    assert client_key("open-webui") in environment


def test_removed_client_is_rejected(session: httpx.Client, controller: Controller) -> None:
    clients = json.dumps({"api_clients": [{"name": "default"}, {"name": "guest"}]})
    assert controller.inferfleet("up", "--tags", "gateway", "-e", clients).rc == 0
    guest = client_key("guest")
    assert session.get("/v1/models", headers=bearer(guest)).status_code == 200
    assert controller.inferfleet("up", "--tags", "gateway").rc == 0
    assert session.get("/v1/models", headers=bearer(guest)).status_code == 401
    assert session.get("/v1/models", headers=bearer(client_key())).status_code == 200
    (SECRETS / "api_clients" / "guest").unlink()


def test_switched_off_gateway_is_removed(deployed: dict[str, Any], lab: Lab, controller: Controller) -> None:
    off = controller.inferfleet("up", "--tags", "gateway", "-e", "gateway_enabled=false")
    assert off.rc == 0, off
    assert controller.inferfleet("status", "-e", "gateway_enabled=false").rc == 0, "Open WebUI uses the engine"
    assert lab.ssh("node1", "systemctl is-active inferfleet-gateway || true").strip() != "active"
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{URL}/health", verify=trusted(), trust_env=False)
    again = controller.inferfleet("up", "--tags", "gateway,open_webui")
    assert again.rc == 0, again
    assert controller.inferfleet("status").rc == 0
