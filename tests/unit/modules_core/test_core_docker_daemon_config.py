"""Docker's daemon.json, merged with what others wrote, on real files."""

import json
import os

import pytest

OURS = {"data-root": "/data/docker", "log-opts": {"max-size": "100m"}, "registry-mirrors": ["https://ours"]}
KEEP = " is left as it was. "


@pytest.fixture
def daemon(tmp_path, run_module):
    path = tmp_path / "docker" / "daemon.json"

    class Daemon:
        file = path
        record = path.with_name("daemon.inferfleet.json")
        before = path.with_name("daemon.inferfleet-before")

        def holds(self):
            return json.loads(path.read_text())

        def has(self, content):
            path.parent.mkdir(exist_ok=True)
            path.write_text(content if isinstance(content, str) else json.dumps(content))

        def set(self, settings=OURS, env=None, **params):
            return run_module("docker_daemon_config", env=env, path=str(path), settings=settings, **params)

    return Daemon()


def test_a_file_that_is_not_there_is_made(daemon):
    result = daemon.set()
    assert (result["changed"], result["pending"]) == (True, True)
    assert daemon.holds() == OURS
    assert daemon.file.stat().st_mode & 0o777 == 0o644


def test_a_restart_stays_due_until_it_is_settled(daemon):
    daemon.set()
    again = daemon.set()
    assert (again["changed"], again["pending"]) == (False, True)
    assert daemon.set(state="committed")["changed"]
    committed = daemon.set()
    assert (committed["changed"], committed["pending"]) == (False, False)


def test_check_mode_writes_nothing_and_shows_the_difference(daemon):
    result = daemon.set(check_mode=True)
    assert result["changed"]
    assert json.loads(result["diff"]["after"]) == OURS
    assert not daemon.file.parent.exists()


def test_keys_of_others_stay(daemon):
    daemon.has({"debug": True, "log-opts": {"tag": "x"}, "registry-mirrors": ["https://theirs"]})
    daemon.set()
    assert daemon.holds() == {
        "debug": True,
        "log-opts": {"tag": "x", "max-size": "100m"},
        "registry-mirrors": ["https://theirs", "https://ours"],
        "data-root": "/data/docker",
    }


def test_what_is_right_already_keeps_its_form(daemon):
    text = '{"data-root":"/data/docker"}'
    daemon.has(text)
    assert not daemon.set({"data-root": "/data/docker"})["changed"]
    assert daemon.file.read_text() == text


def test_our_own_values_may_change_and_go(daemon):
    daemon.has({"debug": True, "registry-mirrors": ["https://theirs"]})
    daemon.set()
    daemon.set({"data-root": "/other"})
    assert daemon.holds() == {"debug": True, "registry-mirrors": ["https://theirs"], "data-root": "/other"}
    daemon.set({})
    assert daemon.holds() == {"debug": True, "registry-mirrors": ["https://theirs"]}


@pytest.mark.parametrize(
    ("there", "key", "shown"),
    [
        ({"data-root": "/srv"}, "data-root", '"/srv" there, set by someone else, but is to be "/data/docker"'),
        ({"log-opts": {"max-size": "1g"}}, "log-opts.max-size", '"1g" there, set by someone else, but is to be "100m"'),
    ],
)
def test_a_value_of_someone_else_is_refused(daemon, there, key, shown):
    daemon.has(there)
    result = daemon.set()
    assert result["failed"]
    assert result["msg"] == (
        f"{daemon.file}{KEEP}{key} is {shown}. Give the role the value that is there, remove it from the file, or set"
        " container_runtime_conflict to replace (ours wins) or keep (theirs stays)."
    )
    assert daemon.holds() == there
    assert not daemon.before.exists()


def test_someone_says_who_wins(daemon):
    daemon.has({"data-root": "/srv", "log-opts": "none"})
    kept = daemon.set(on_conflict="keep")
    assert kept["kept"] == ["data-root", "log-opts"]
    assert daemon.holds() == {"data-root": "/srv", "log-opts": "none", "registry-mirrors": ["https://ours"]}
    daemon.set(on_conflict="replace")
    assert daemon.holds() == OURS


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('{\n  "debug": true,,\n}', "It is not JSON: Expecting property name enclosed in double quotes"),
        ("[]", "It does not hold a map of keys."),
        (b"\xff\xfe", "It is not text."),
    ],
)
def test_a_broken_file_is_refused_and_left(daemon, text, reason):
    content = text if isinstance(text, bytes) else text.encode()
    daemon.has("")
    daemon.file.write_bytes(content)
    result = daemon.set()
    assert result["msg"].startswith(f"{daemon.file}{KEEP}{reason}")
    assert result["msg"].endswith("Correct it, or move it away.")
    assert daemon.file.read_bytes() == content


def test_the_line_of_the_mistake_is_shown(daemon):
    daemon.has('{\n  "debug": true,,\n}')
    assert "line 2 column 17" in daemon.set()["msg"]
    assert """('"debug": true,,')""" in daemon.set()["msg"]


def dockerd(folder, script):
    tool = folder / "dockerd"
    tool.write_text(f"#!/bin/sh\n{script}\n")
    tool.chmod(0o755)
    return {"PATH": f"{folder}:{os.environ['PATH']}"}


# Recorded answers of Docker 26.1 and 20.10; the role's own test asks a real 26.1.
def test_docker_judges_it_first_simulated(daemon, tmp_path):
    said = (
        "unable to configure the Docker daemon with file $file: the following directives don't match any configuration"
    )
    env = dockerd(tmp_path, f'file="${{2#*=}}"; echo "{said} option: colour" >&2; exit 1')
    result = daemon.set({"colour": "red"}, env=env)
    assert result["msg"] == (
        f"{daemon.file}{KEEP}Docker refuses what it would hold: unable to configure the Docker daemon with file"
        " daemon.json: the following directives don't match any configuration option: colour. Correct"
        " container_runtime_options, or the file's own keys."
    )
    assert not daemon.file.exists()


def test_an_old_docker_cannot_judge_simulated(daemon, tmp_path):
    env = dockerd(tmp_path, 'echo "unknown flag: --validate" >&2; exit 125')
    assert daemon.set(env=env)["changed"]


def test_the_file_comes_back_with_what_is_ours_in_it(daemon):
    daemon.has({"debug": True})
    daemon.set({"data-root": "/one"})
    daemon.set(state="committed")
    daemon.set({"data-root": "/two", "hosts": ["fd://"]})
    assert daemon.set(state="restored")["changed"]
    assert daemon.holds() == {"debug": True, "data-root": "/one"}
    assert not daemon.before.exists()
    assert not daemon.set({"data-root": "/one"})["changed"]


def test_two_changes_before_a_restart_go_back_to_what_docker_runs_with(daemon):
    daemon.has({"debug": True})
    daemon.set({"data-root": "/one"})
    daemon.set({"data-root": "/two"})
    daemon.set(state="restored")
    assert daemon.holds() == {"debug": True}


def test_a_file_that_was_not_there_goes_again(daemon):
    daemon.set()
    daemon.set(state="restored")
    assert not daemon.file.exists()
    assert not daemon.set(state="restored")["changed"]


def test_a_full_disk_is_named(daemon, load, monkeypatch):
    module = load("docker_daemon_config")
    daemon.has({"debug": True})

    def full(fd):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(module.os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        module.present(str(daemon.file), OURS, "refuse", None, check_mode=False)
    assert daemon.holds() == {"debug": True}
    assert sorted(path.name for path in daemon.file.parent.iterdir()) == ["daemon.json"]


@pytest.mark.parametrize(
    ("found", "recorded", "wanted", "result", "ours"),
    [
        ({}, {}, {"features": {"cdi": False}}, {"features": {"cdi": False}}, {"features": {"cdi": False}}),
        ({}, {}, {"a": "", "b": [], "c": {}}, {}, {}),
        ({"a": []}, {}, {"a": []}, {"a": []}, {}),
        ({"m": {"x": 1}}, {"m": {"x": 1}}, {}, {}, {}),
        ({"m": {"x": 1, "y": 2}}, {"m": {"x": 1}}, {}, {"m": {"y": 2}}, {}),
        ({"m": {"x": 3}}, {"m": {"x": 1}}, {}, {"m": {"x": 3}}, {}),  # changed by someone since
        ({"insecure-registries": ["a"]}, {}, {"insecure-registries": ["a"]}, {"insecure-registries": ["a"]}, {}),
    ],
)
def test_merging(load, found, recorded, wanted, result, ours):
    assert load("docker_daemon_config").merge(found, wanted, recorded, "refuse") == (result, ours, [])
