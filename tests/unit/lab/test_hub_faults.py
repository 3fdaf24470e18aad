"""Fault injection of the test hub, with a plain HTTP client and the real huggingface_hub."""

import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from huggingface_hub import HfApi, snapshot_download
from huggingface_hub.hf_api import RepoFile

pytestmark = pytest.mark.slow  # downloads with real clients

REPO = "inferfleet/tiny"
WEIGHTS = "model-00001-of-00002.safetensors"
OTHER = "model-00002-of-00002.safetensors"
FILE = f"/static/{REPO}/{WEIGHTS}"


@pytest.fixture
def hub(root: Path, start: Callable[..., str]) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=start(root), timeout=5) as client:
        yield client


@pytest.fixture
def content(root: Path) -> bytes:
    return (root / REPO / WEIGHTS).read_bytes()


def set_rules(hub: httpx.Client, *rules: dict[str, Any]) -> None:
    hub.post("/_lab/faults", json=rules).raise_for_status()


def fired(hub: httpx.Client) -> list[int]:
    return [rule["fired"] for rule in hub.get("/_lab/faults").json()]


def received(hub: httpx.Client, path: str = FILE, **options: Any) -> tuple[bytes, type[Exception] | None]:
    """What of a body arrives, and the error that ends it."""
    body = b""
    try:
        with hub.stream("GET", path, **options) as answer:
            for part in answer.iter_raw():
                body += part
    except httpx.TransportError as error:
        return body, type(error)
    return body, None


@pytest.mark.parametrize("status", [401, 403, 404, 416, 429, 500, 503])
def test_status(hub: httpx.Client, content: bytes, status: int) -> None:
    set_rules(hub, {"path": WEIGHTS, "fault": "status", "status": status, "retry_after": 7, "times": 2})
    answers = [hub.get(FILE) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [status, status, 200]
    assert answers[0].headers["Retry-After"] == "7"
    assert answers[2].content == content
    assert "Retry-After" not in answers[2].headers


def test_stall_in_the_body(hub: httpx.Client, content: bytes) -> None:
    set_rules(hub, {"path": FILE, "fault": "stall", "after": 1000, "times": 1})
    assert received(hub, timeout=0.5) == (content[:1000], httpx.ReadTimeout)
    assert received(hub) == (content, None)


def test_stall_before_the_headers(hub: httpx.Client, content: bytes) -> None:
    set_rules(hub, {"path": FILE, "fault": "stall", "after": 0, "times": 1})
    address = (hub.base_url.host, hub.base_url.port)
    with socket.create_connection(address, timeout=0.5) as connection:
        connection.sendall(f"GET {FILE} HTTP/1.1\r\nHost: hub\r\n\r\n".encode())
        with pytest.raises(TimeoutError):
            connection.recv(1)
    assert received(hub) == (content, None)


def test_stalled_connection_remains_open_until_the_client_disconnects(hub: httpx.Client) -> None:
    set_rules(hub, {"path": FILE, "fault": "stall", "after": 1000})
    with hub.stream("GET", FILE) as answer:
        first_part = answer.iter_raw()
        next(first_part)  # a generator that is thrown away closes its connection
        with hub.stream("GET", FILE) as second:
            second_part = second.iter_raw()
            next(second_part)
            hub.post("/_lab/stats/reset")
            assert hub.get("/_lab/stats").json()["most_simultaneous_transfers"] == 2
    deadline = time.monotonic() + 5
    while hub.post("/_lab/stats/reset").json()["most_simultaneous_transfers"]:
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.parametrize("after", [0, 1, 299_999])
def test_cut(hub: httpx.Client, content: bytes, after: int) -> None:
    set_rules(hub, {"path": FILE, "fault": "cut", "after": after, "times": 1})
    assert received(hub) == (content[:after], httpx.RemoteProtocolError)
    assert received(hub) == (content, None)


def test_cut_beyond_the_end_does_not_fire(hub: httpx.Client, content: bytes) -> None:
    set_rules(hub, {"path": FILE, "fault": "cut", "after": len(content)})
    assert received(hub) == (content, None)
    assert fired(hub) == [0]


def test_corrupt(hub: httpx.Client, content: bytes) -> None:
    set_rules(hub, {"path": FILE, "fault": "corrupt", "at": 123_456})
    wrong = content[:123_456] + bytes([content[123_456] ^ 0xFF]) + content[123_457:]
    assert hub.get(FILE).content == wrong
    assert hub.get(FILE, headers={"Range": "bytes=123456-123999"}).content == wrong[123_456:124_000]
    assert hub.get(FILE, headers={"Range": "bytes=0-123455"}).content == content[:123_456]
    assert hub.get(FILE, headers={"Range": "bytes=123457-"}).content == content[123_457:]
    assert fired(hub) == [2]


def test_ignore_range(hub: httpx.Client, content: bytes) -> None:
    set_rules(hub, {"path": FILE, "fault": "ignore_range", "times": 1})
    assert hub.get(FILE).status_code == 200
    answers = [hub.get(FILE, headers={"Range": "bytes=1000-"}) for _ in range(2)]
    assert [(answer.status_code, len(answer.content)) for answer in answers] == [(200, 300_000), (206, 299_000)]
    assert "Content-Range" not in answers[0].headers


def test_redirect_loop(hub: httpx.Client) -> None:
    set_rules(hub, {"path": "/resolve/", "fault": "redirect_loop"})
    url = f"/{REPO}/resolve/main/config.json"
    answer = hub.get(f"{url}?download=true")
    assert (answer.status_code, answer.headers["Location"]) == (302, str(answer.url))
    with pytest.raises(httpx.TooManyRedirects):
        hub.get(url, follow_redirects=True)


def test_slow(hub: httpx.Client, content: bytes) -> None:
    set_rules(hub, {"path": FILE, "fault": "slow", "rate": 500_000})
    began, arrived = time.monotonic(), []
    with hub.stream("GET", FILE) as answer:
        body = b"".join(arrived.append(time.monotonic() - began) or part for part in answer.iter_raw())
    assert body == content
    assert arrived[-1] >= 0.55
    assert len(arrived) >= 5  # evenly, not all at the end


def test_slow_affects_no_other_file(hub: httpx.Client, content: bytes) -> None:
    set_rules(hub, {"path": FILE, "fault": "slow", "rate": 10_000})  # half a minute for this one
    with hub.stream("GET", FILE) as slow:
        parts = slow.iter_raw()
        begun = next(parts)
        assert len(hub.get(FILE.replace(WEIGHTS, OTHER)).content) == 200_000
        assert len(begun) < len(content)
        assert hub.get("/_lab/stats").json()["most_simultaneous_transfers"] == 2


def test_no_hashes(hub: httpx.Client, root: Path, tmp_path: Path) -> None:
    endpoint = str(hub.base_url).rstrip("/")
    set_rules(hub, {"path": "", "fault": "no_hashes"})
    api = HfApi(endpoint=endpoint)
    siblings = api.model_info(REPO, files_metadata=True).siblings or []
    assert {(sibling.blob_id, sibling.lfs) for sibling in siblings} == {(None, None)}
    assert {sibling.rfilename: sibling.size for sibling in siblings}[WEIGHTS] == 300_000
    nodes = [node for node in api.list_repo_tree(REPO, recursive=True) if isinstance(node, RepoFile)]
    assert {(node.blob_id, node.lfs) for node in nodes} == {(None, None)}
    copy = Path(snapshot_download(REPO, local_dir=tmp_path / "copy", endpoint=endpoint))
    assert (copy / WEIGHTS).read_bytes() == (root / REPO / WEIGHTS).read_bytes()


def test_unlimited_rules_and_rules_per_client_and_file(hub: httpx.Client) -> None:
    other = FILE.replace(WEIGHTS, OTHER)
    set_rules(hub, {"path": "/static/", "fault": "status", "status": 503, "times": 1, "each": True})
    assert [hub.get(path).status_code for path in (FILE, FILE, other, other)] == [503, 200, 503, 200]
    assert fired(hub) == [2]
    set_rules(hub, {"path": "/static/", "fault": "status", "status": 503})
    assert {hub.get(FILE).status_code for _ in range(5)} == {503}


def test_all_rules_that_match_apply_the_first_outermost(hub: httpx.Client, content: bytes) -> None:
    set_rules(
        hub,
        {"path": FILE, "fault": "status", "status": 503, "times": 1},
        {"path": FILE, "fault": "cut", "after": 1000, "times": 1},
        {"path": "/static/", "fault": "corrupt", "at": 0},
    )
    assert hub.get(FILE).status_code == 503
    assert fired(hub) == [1, 0, 0]
    body, error = received(hub)
    assert (len(body), body[0], error) == (1000, content[0] ^ 0xFF, httpx.RemoteProtocolError)
    assert fired(hub) == [1, 1, 1]


def test_the_query_can_be_matched(hub: httpx.Client) -> None:
    set_rules(hub, {"path": r"/repo\?.*FilePath=sub/deep/说明 notes.txt$", "fault": "status", "status": 500})
    url = f"/api/v1/models/{REPO}/repo"
    assert hub.get(url, params={"FilePath": "config.json"}).status_code == 200
    assert hub.get(url, params={"FilePath": "sub/deep/说明 notes.txt"}).status_code == 500


def test_rules_are_shown_replaced_and_removed(hub: httpx.Client) -> None:
    rule = {"path": "a|b", "fault": "stall", "after": 5}
    shown = {**rule, "times": 0, "each": False, "fired": 0}
    assert hub.post("/_lab/faults", json=[rule]).json() == hub.get("/_lab/faults").json() == [shown]
    assert hub.post("/_lab/faults", json=[{**rule, "path": "c"}]).json() == [{**shown, "path": "c"}]
    assert hub.delete("/_lab/faults").json() == hub.get("/_lab/faults").json() == []


@pytest.mark.parametrize(
    ("rules", "reason"),
    [
        ("[", "Invalid JSON"),
        ({}, "valid array"),
        ([{"path": "x"}], "discriminator 'fault'"),
        ([{"path": "x", "fault": "fire"}], "'fire'"),
        ([{"fault": "cut", "after": 1}], "0.cut.path: Field required"),
        ([{"path": "(", "fault": "cut", "after": 1}], "0.cut.path: Input should be a valid regular expression"),
        ([{"path": "x", "fault": "status", "status": 418}], "0.status.status: Input should be 401, 403"),
        ([{"path": "x", "fault": "cut", "after": -1}], "0.cut.after: Input should be greater than or equal to 0"),
        ([{"path": "x", "fault": "cut", "after": "1"}], "0.cut.after: Input should be a valid integer"),
        ([{"path": "x", "fault": "slow", "rate": 0}], "0.slow.rate: Input should be greater than 0"),
        ([{"path": "x", "fault": "corrupt", "at": 1, "to": 2}], "0.corrupt.to: Extra inputs are not permitted"),
        ([{"path": "x", "fault": "cut", "after": 1}, {"path": "x", "fault": "cut"}], "1.cut.after: Field required"),
    ],
)
def test_a_wrong_rule_is_refused_with_the_reason(hub: httpx.Client, rules: Any, reason: str) -> None:
    set_rules(hub, {"path": "kept", "fault": "redirect_loop"})
    body = {"content": rules} if isinstance(rules, str) else {"json": rules}
    answer = hub.post("/_lab/faults", **body)
    assert answer.status_code == 400
    assert reason in answer.json()["error"]
    assert [rule["path"] for rule in hub.get("/_lab/faults").json()] == ["kept"]


def test_the_lab_interface_has_no_faults_and_is_not_counted(hub: httpx.Client) -> None:
    set_rules(hub, {"path": ".*", "fault": "status", "status": 500})
    assert hub.get("/_lab/faults").status_code == 200
    assert hub.get("/_lab/stats").json()["requests"] == 0
