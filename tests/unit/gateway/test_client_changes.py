"""Changes of clients: what is refused, recorded, generated and listed."""

import stat
from pathlib import Path

import pytest
import yaml
from pydantic import TypeAdapter

from inferfleet.gateway import (
    BrokenRecordError,
    Recorded,
    ServedModel,
    change_clients,
    client_maps,
    hash_key,
    read_recorded,
    write_recorded,
)
from inferfleet.gateway.changes import client_rows
from inferfleet.gateway.recorded import FILE
from inferfleet.settings import INTERNAL_CLIENTS, ApiClient

CLIENTS = [{"name": "chat"}, {"name": "site", "key": "key-of-the-site-1", "max_concurrent": 2}]
SERVED = [ServedModel("model_r1", "r1"), ServedModel("model_small", "small")]


def change(secrets: Path, action: str, name: str, check: bool = False, **limits):
    form = {"action": action, "name": name, **limits}
    return change_clients(form, CLIENTS, secrets, [model.model for model in SERVED], check=check)


def accepted(secrets: Path) -> dict[str, str]:
    """Return the client of each key that the gateway accepts, without inferfleet's own clients."""
    lines = client_maps(CLIENTS, secrets, SERVED, None, False)["keys.map"].splitlines()
    clients = dict(line.split(" ") for line in lines)
    assert {*INTERNAL_CLIENTS} <= {*clients.values()}
    return {key: name for key, name in clients.items() if name not in INTERNAL_CLIENTS}


def test_added_client_is_recorded_with_its_limits_and_a_key(tmp_path):
    result = change(tmp_path, "add", "app", models=["small"], requests_per_minute=60)
    key = (tmp_path / "api_clients/app").read_text().strip()
    assert result["client"] == {
        "name": "app",
        "state": "active",
        "source": "command",
        "models": ["small"],
        "requests_per_minute": 60,
        "max_concurrent": 0,
        "expires": "",
        "key_fingerprint": hash_key(key)[:8],
        "key_file": str(tmp_path / "api_clients/app"),
    }
    assert result["changed"]
    assert accepted(tmp_path)[hash_key(key)] == "app"
    maps = client_maps(CLIENTS, tmp_path, SERVED, None, False)
    assert "app/small model_small\n" in maps["access.map"]
    assert "app/r1" not in maps["access.map"]
    assert "app 60\n" in maps["rates.map"]
    assert "backends.map" not in maps
    assert stat.S_IMODE((tmp_path / FILE).stat().st_mode) == 0o600


@pytest.mark.parametrize(("expires", "state"), [("2026-01-31", "expired"), ("9999-12-31", "active")])
def test_client_is_listed_with_the_end_of_its_key(tmp_path, expires, state):
    write_recorded(tmp_path, Recorded(({"name": "app", "expires": expires},)))
    (client,) = change_clients({}, [], tmp_path, [], check=False)["clients"]
    assert (client["expires"], client["state"]) == (expires, state)
    assert "app " in client_maps(CLIENTS, tmp_path, SERVED, None, False)["expiry.map"]


def test_end_of_a_key_is_recorded(tmp_path):
    client = change(tmp_path, "add", "app", expires="9999-12-31")["client"]
    assert (client["expires"], client["state"]) == ("9999-12-31", "active")
    (recorded,) = read_recorded(tmp_path).added
    assert recorded == {"name": "app", "expires": "9999-12-31"}


def test_rotated_key_replaces_the_previous_one(tmp_path):
    change(tmp_path, "add", "app")
    before = accepted(tmp_path)
    result = change(tmp_path, "rotate", "app")
    after = accepted(tmp_path)
    assert {*after.values()} == {*before.values()} == {"chat", "site", "app"}
    (old,) = before.keys() - after.keys()
    (new,) = after.keys() - before.keys()
    assert (before[old], after[new]) == ("app", "app")
    assert new.startswith(result["client"]["key_fingerprint"])


@pytest.mark.parametrize("name", ["app", "chat", "site"])
def test_revoked_client_is_refused_until_it_is_added_again(tmp_path, name):
    change(tmp_path, "add", "app")
    before = accepted(tmp_path)
    result = change(tmp_path, "revoke", name)
    assert (result["client"]["state"], result["client"]["key_file"]) == ("revoked", "")
    assert {*accepted(tmp_path).values()} == {"app", "chat", "site"} - {name}
    assert not (tmp_path / "api_clients" / name).exists()
    assert not change(tmp_path, "revoke", name)["changed"]  # applied again, where a gateway was unreachable
    assert change(tmp_path, "add", name)["client"]["state"] == "active"
    again = accepted(tmp_path)
    assert {*again.values()} == {"app", "chat", "site"}
    # Only a key of the inventory is the previous one.
    assert ({*again} == {*before}) == (name == "site")


@pytest.mark.parametrize(
    ("action", "name", "limits", "code", "parameters"),
    [
        ("add", "chat", {}, "client-exists", {"client": "chat"}),
        ("add", "app", {}, "client-exists", {"client": "app"}),
        ("add", "Chat App", {}, "bad-client-name", {"client": "'Chat App'"}),
        ("add", "../other", {}, "bad-client-name", {"client": "'../other'"}),
        ("add", "new", {"models": ["smal"]}, "unknown-model", {"model": "smal", "served": ["r1", "small"]}),
        (
            "add",
            "gone",
            {"max_concurrent": 2},
            "client-in-inventory",
            {"client": "gone", "options": ["--max-concurrent"]},
        ),
        ("rotate", "chta", {}, "unknown-client", {"client": "chta", "names": ["chat"]}),
        ("revoke", "x", {}, "unknown-client", {"client": "x", "names": ["app", "chat", "gone", "old", "past", "site"]}),
        ("rotate", "site", {}, "key-in-inventory", {"client": "site"}),
        ("rotate", "gone", {}, "client-revoked", {"client": "gone"}),
        ("add", "verify", {}, "internal-client", {"client": "verify"}),
        ("rotate", "open-webui", {}, "internal-client", {"client": "open-webui"}),
        ("revoke", "verify", {}, "internal-client", {"client": "verify"}),
        ("add", "new", {"expires": "2026-01-31"}, "expired-client", {"expires": "2026-01-31"}),
        ("add", "old", {}, "client-expired", {"client": "old", "expires": "2026-01-31"}),
        ("rotate", "past", {}, "client-expired", {"client": "past", "expires": "2026-01-31"}),
    ],
)
def test_refused_changes(tmp_path, action, name, limits, code, parameters):
    past = {"expires": "2026-01-31"}
    recorded = Recorded(({"name": "app"}, {"name": "past", **past}), ("gone", "old"))
    write_recorded(tmp_path, recorded)
    form = {"action": action, "name": name, **limits}
    clients = [*CLIENTS, {"name": "gone"}, {"name": "old", **past}]
    (problem,) = change_clients(form, clients, tmp_path, ["r1", "small"], check=False)
    assert (problem.code, {**problem.parameters, "today": ""}) == (code, {**parameters, "today": ""})
    assert read_recorded(tmp_path) == recorded
    assert not (tmp_path / "api_clients").exists()


def test_models_are_not_checked_where_they_are_not_known(tmp_path):
    form = {"action": "add", "name": "new", "models": ["small"]}
    assert change_clients(form, CLIENTS, tmp_path, [], check=False)["client"]["models"] == ["small"]


@pytest.mark.parametrize(("action", "name"), [("add", "new"), ("rotate", "chat"), ("revoke", "chat")])
def test_check_run_writes_nothing_and_shows_what_would_change(tmp_path, action, name):
    before = client_maps(CLIENTS, tmp_path, SERVED, None, False)["keys.map"]
    files = {path: path.read_text() for path in tmp_path.rglob("*") if path.is_file()}
    form = {"action": action, "name": name}
    assert change(tmp_path, action, name, check=True)["changed"]
    assert client_maps(CLIENTS, tmp_path, SERVED, form, True)["keys.map"] != before
    assert {path: path.read_text() for path in tmp_path.rglob("*") if path.is_file()} == files


def test_list_shows_every_client_and_no_key(tmp_path):
    change(tmp_path, "add", "app")
    change(tmp_path, "revoke", "chat")
    result = change_clients({}, CLIENTS, tmp_path, [], check=False)
    shown = [(row["name"], row["state"], row["source"], row["max_concurrent"]) for row in result["clients"]]
    assert shown == [
        ("site", "active", "inventory", 2),
        ("app", "active", "command", 0),
        ("chat", "revoked", "inventory", 0),
    ]
    assert [len(row["key_fingerprint"]) for row in result["clients"]] == [8, 8, 0]
    assert not result["changed"]
    keys = [(tmp_path / "api_clients/app").read_text().strip(), "key-of-the-site-1"]
    assert not any(key in str(result) for key in keys)


def test_client_that_is_also_in_the_inventory_is_a_problem(tmp_path):
    (problem,) = Recorded(({"name": "chat"}, {"name": "app"})).problems(CLIENTS)
    assert (problem.code, problem.parameters) == ("client-twice", {"client": "chat"})


@pytest.mark.parametrize(
    "text", ["", "added: []", "{added: [{name: ../x}], revoked: []}", "[", "added: x\nrevoked: []"]
)
def test_record_changed_manually_is_refused(tmp_path, text):
    (tmp_path / FILE).write_text(text)
    with pytest.raises(BrokenRecordError) as raised:
        read_recorded(tmp_path)
    assert (raised.value.problem.code, raised.value.problem.parameters) == (
        "clients-invalid",
        {"path": str(tmp_path / FILE)},
    )


def test_end_of_a_key_may_be_a_date_of_yaml():
    form = yaml.safe_load("{name: app, expires: 2027-01-31}")
    assert TypeAdapter(ApiClient).validate_python(form) == {"name": "app", "expires": "2027-01-31"}
    assert client_rows(Recorded(), [form], {}, "2027-01-30")[0]["state"] == "active"
    assert client_rows(Recorded(), [form], {}, "2027-01-31")[0]["state"] == "expired"
