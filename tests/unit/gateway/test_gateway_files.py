"""The gateway's files and what is generated on the controller."""

import stat
import subprocess
from pathlib import Path

import pytest
from tests.unit.gateway.plans import plan

from inferfleet.gateway import (
    INTERNAL_NAME,
    Limits,
    Pair,
    Paths,
    SecretFolder,
    ServedModel,
    differing_files,
    gateway_files,
    gateway_problems,
    hash_key,
    host_names,
    read_backends,
)

PLANS = [plan("deepseek-r1", "a1"), plan("small", "b1")]
NAMES = ["gw1", "10.0.0.5"]


def test_keys_are_generated_once(tmp_path):
    folder = SecretFolder(tmp_path / ".secrets")
    keys = folder.client_keys(["alice", "bob"])
    assert folder.client_keys(["alice", "bob"]) == keys
    assert len({*keys.values()}) == 2
    assert all(key.startswith("sk-") and len(key) == 46 and key.isascii() for key in keys.values())
    file = tmp_path / ".secrets/api_clients/alice"
    assert file.read_text() == f"{keys['alice']}\n"
    assert [stat.S_IMODE(path.stat().st_mode) for path in (file, file.parent)] == [0o600, 0o700]


def test_rotated_key_replaces_the_previous_one(tmp_path):
    folder = SecretFolder(tmp_path)
    before = folder.client_keys(["alice"])["alice"]
    after = folder.new_client_key("alice")
    assert after != before
    assert folder.client_keys(["alice"])["alice"] == after


def test_certificate_is_issued_once_and_again_for_other_names(tmp_path):
    folder = SecretFolder(tmp_path)
    first = folder.server_certificate(NAMES)
    authority = folder.read("gateway_ca.pem")
    assert folder.server_certificate(NAMES).certificate.strip() == first.certificate.strip()
    assert folder.server_certificate([*NAMES, "gw2"]).certificate != first.certificate
    assert folder.read("gateway_ca.pem") == authority
    assert {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()} == {0o600}


def test_check_mode_stores_nothing(tmp_path):
    folder = SecretFolder(tmp_path, read_only=True)
    assert folder.client_keys(["alice"])["alice"].startswith("sk-")
    assert "BEGIN CERTIFICATE" in folder.server_certificate(NAMES).certificate
    assert [*tmp_path.iterdir()] == []


def test_files_of_the_gateway():
    clients = [{"name": "alice", "models": ["small"]}]
    paths = Paths("/etc/gw", "/run/gw/admin.sock")
    files = gateway_files(
        PLANS,
        clients,
        Pair("CERT\n", "KEY\n"),
        Pair("ISSUED", "OWN"),
        {"alice": "sk-a"},
        8443,
        Limits(65536, 8404),
        paths,
        "k",
    )
    maps = ["keys.map", "access.map", "models.map", "rates.map", "streams.map", "expiry.map"]
    names = ["server.pem", "issued.pem", *maps, "backends.map", "replicas.map", "usage.lua", "haproxy.cfg"]
    assert [*files] == [f"/etc/gw/{name}" for name in names]
    assert files["/etc/gw/server.pem"] == "CERT\nKEY\n"
    assert files["/etc/gw/issued.pem"] == "ISSUED\nOWN\n"
    assert files["/etc/gw/keys.map"] == f"{hash_key('sk-a')} alice\n"
    assert files["/etc/gw/access.map"] == "alice/small model_small\n"
    assert all(f"/etc/gw/{name}" in files["/etc/gw/haproxy.cfg"] for name in ("server.pem", *maps))
    served = read_backends(files["/etc/gw/backends.map"])
    assert served == (ServedModel("model_deepseek-r1", "deepseek-r1"), ServedModel("model_small", "small"))


def test_files_that_differ_on_the_gateway(tmp_path):
    files = {str(tmp_path / name): f"{name} ü\n" for name in ("same.map", "other.map", "new.map", "haproxy.cfg")}
    for path in list(files)[:2]:
        Path(path).write_text(files[path])
    Path(list(files)[1]).write_text("changed\n")
    there = subprocess.run(["sha256sum", "--", *files], capture_output=True, text=True, check=False).stdout
    assert differing_files(files, there) == list(files)[1:]
    assert differing_files(files, "") == list(files)


def test_names_of_the_certificate():
    assert host_names(["gw", "10.0.0.1", "gw"]) == sorted(["gw", "10.0.0.1", "127.0.0.1", "localhost", INTERNAL_NAME])


@pytest.mark.parametrize(
    ("certificate", "key", "codes"),
    [
        ("", "", []),
        ("/missing.pem", "", ["certificate-incomplete", "file-not-readable"]),
        ("", "/missing.key", ["certificate-incomplete", "file-not-readable"]),
        ("/missing.pem", "/missing.key", ["file-not-readable", "file-not-readable"]),
    ],
)
def test_problems_of_the_certificate(certificate, key, codes):
    assert [problem.code for problem in gateway_problems(PLANS, [{"name": "alice"}], certificate, key)] == codes


def test_model_that_no_service_serves_is_a_problem():
    (problem,) = gateway_problems(PLANS, [{"name": "alice", "models": ["small", "typo"]}], "", "")
    assert problem.code == "unknown-model"
    assert problem.parameters == {"client": "alice", "model": "typo", "served": ["deepseek-r1", "small"]}
