"""The gateway's configuration and map files: golden text, names, hashes and limits."""

import hashlib
import json
import os
from pathlib import Path

import pytest
from tests.unit.gateway.plans import plan

from inferfleet.gateway import (
    Client,
    Limits,
    Paths,
    Webui,
    backends_of,
    ipv6_address,
    map_files,
    read_clients,
    render_config,
)
from inferfleet.gateway.render import quote

GOLDEN = Path(__file__).parents[2] / "golden" / "haproxy.cfg"
PLANS = [
    plan("deepseek-r1", "a1", max_num_seqs=64, data_parallel_size=2, service="first"),
    plan("deepseek-r1", "b1", max_num_seqs=64, data_parallel_size=2, service="second"),
    plan("Qwen/Qwen3-32B", "c1", engine="gpustack", port=80, api_path="/v1-openai", takes_api_key=False),
    plan("", "d1", engine="deepseek_infer", protocol="none"),
]


def rendered(key="engine-key", **limits):
    paths = Paths("/etc/inferfleet/gateway", "/run/inferfleet-gateway/admin.sock")
    limits = Limits(4194304, 8404, check_port=8405, **limits)
    return render_config(backends_of(PLANS), 8443, limits, paths, key, Webui(8444, "10.0.0.1:3000"))


def test_golden_configuration():
    if os.environ.get("UPDATE_GOLDEN"):
        GOLDEN.write_text(rendered())
    assert rendered() == GOLDEN.read_text()


def test_replicas_of_a_model_share_its_backend():
    first, second = backends_of(PLANS)
    assert [(r.name, r.address, r.port, r.capacity) for r in first.replicas] == [
        ("a1_8000", "10.0.0.1", 8000, 128),
        ("b1_8000", "10.0.0.1", 8000, 128),
    ]
    assert (second.name, second.health_path, second.replicas[0].capacity) == ("model_Qwen_Qwen3-32B", "/healthz", 0)


def test_models_with_similar_names_have_different_backends():
    names = [b.name for b in backends_of([plan("a/b", "n1"), plan("a_b", "n2"), plan("a b", "n3"), plan("模型", "n4")])]
    assert names == ["model_a_b", "model_a_b_2", "model_a_b_3", "model___"]


@pytest.mark.parametrize(
    ("names", "bound"),
    [
        (["node1", "10.0.0.1"], "*:8443 ssl"),
        (["node1", "2001:db8::1", "10.0.0.1"], "*:8443,:::8443 v6only ssl"),
    ],
)
def test_printed_ipv6_address_is_bound(names, bound):
    binds = [line.strip() for line in rendered(address6=ipv6_address(names)).splitlines() if " ssl crt " in line]
    assert len(binds) == 2
    assert binds[0].startswith(f"bind {bound}")
    assert binds[1].startswith(f"bind {bound.replace('8443', '8444')}")


def test_buffer_holds_the_largest_body_and_its_headers():
    assert "tune.bufsize 4227072\n" in rendered()
    assert "req.body_len gt 4194304" in rendered()


@pytest.mark.parametrize(
    ("text", "quoted"), [("a", "'a'"), ("a'b", r"'a'\''b'"), ('a"b$c#d\\e', "'a\"b$c#d\\e'"), ("", "''")]
)
def test_quoting(text, quoted):
    assert quote(text) == quoted


def test_percent_of_the_key_is_no_log_format():
    assert "http-request set-header Authorization 'Bearer 100%%'\n" in rendered("100%")


CLIENTS = (
    Client("alice", "sk-a"),
    Client("bob", "sk-b", ("deepseek-r1", "typo"), requests_per_minute=60, max_concurrent=4, expires="2027-01-31"),
)


def test_map_files():
    files = map_files(CLIENTS, backends_of(PLANS))
    assert files["keys"].splitlines() == [
        f"{hashlib.sha256(b'sk-a').hexdigest()} alice",
        f"{hashlib.sha256(b'sk-b').hexdigest()} bob",
    ]
    assert files["access"].splitlines() == [
        "alice/deepseek-r1 model_deepseek-r1",
        "alice/Qwen/Qwen3-32B model_Qwen_Qwen3-32B",
        "bob/deepseek-r1 model_deepseek-r1",
    ]
    name, _, models = files["models"].splitlines()[1].partition(" ")
    assert (name, [model["id"] for model in json.loads(models)["data"]]) == ("bob", ["deepseek-r1"])
    assert (files["rates"], files["streams"]) == ("alice 0\nbob 60\n", "alice 0\nbob 4\n")
    assert files["expiry"] == "bob 1801353600\n"
    assert not any(client.key in content for client in CLIENTS for content in files.values())


def test_own_key_precedes_the_generated_one():
    given = [{"name": "alice", "key": "own-key-of-alice"}, {"name": "bob", "max_concurrent": 2}]
    assert read_clients(given, {"alice": "sk-a", "bob": "sk-b"}) == (
        Client("alice", "own-key-of-alice"),
        Client("bob", "sk-b", max_concurrent=2),
    )
