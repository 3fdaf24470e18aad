"""docker_daemon_config on real files."""

import json
import os

import pytest

OURS = {"data-root": "/data/docker", "log-opts": {"max-size": "100m"}, "registry-mirrors": ["https://ours"]}
KEEP = " is unchanged. "


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


def test_missing_file_is_created(daemon):
    result = daemon.set()
    assert (result["changed"], result["pending"]) == (True, True)
    assert daemon.holds() == OURS
    assert daemon.file.stat().st_mode & 0o777 == 0o644


def test_restart_is_pending_until_committed(daemon):
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


def test_keys_of_others_are_kept(daemon):
    daemon.has({"debug": True, "log-opts": {"tag": "x"}, "registry-mirrors": ["https://theirs"]})
    daemon.set()
    assert daemon.holds() == {
        "debug": True,
        "log-opts": {"tag": "x", "max-size": "100m"},
        "registry-mirrors": ["https://theirs", "https://ours"],
        "data-root": "/data/docker",
    }


def test_correct_file_keeps_its_format(daemon):
    text = '{"data-root":"/data/docker"}'
    daemon.has(text)
    assert not daemon.set({"data-root": "/data/docker"})["changed"]
    assert daemon.file.read_text() == text


def test_own_values_can_be_changed_and_removed(daemon):
    daemon.has({"debug": True, "registry-mirrors": ["https://theirs"]})
    daemon.set()
    daemon.set({"data-root": "/other"})
    assert daemon.holds() == {"debug": True, "registry-mirrors": ["https://theirs"], "data-root": "/other"}
    daemon.set({})
    assert daemon.holds() == {"debug": True, "registry-mirrors": ["https://theirs"]}


@pytest.mark.parametrize(
    ("there", "key", "shown"),
    [
        ({"data-root": "/srv"}, "data-root", '"/srv" there, set by someone else, but should be "/data/docker"'),
        (
            {"log-opts": {"max-size": "1g"}},
            "log-opts.max-size",
            '"1g" there, set by someone else, but should be "100m"',
        ),
    ],
)
def test_conflicting_value_is_refused(daemon, there, key, shown):
    daemon.has(there)
    result = daemon.set()
    assert result["failed"]
    assert result["msg"] == (
        f"{daemon.file}{KEEP}{key} is {shown}. Set the role's variable to the existing value, remove the key from"
        " the file, or set container_runtime_conflict to replace (use our value) or keep (use the existing one)."
    )
    assert daemon.holds() == there
    assert not daemon.before.exists()


def test_conflict_policy(daemon):
    daemon.has({"data-root": "/srv", "log-opts": "none"})
    kept = daemon.set(on_conflict="keep")
    assert kept["kept"] == ["data-root", "log-opts"]
    assert daemon.holds() == {"data-root": "/srv", "log-opts": "none", "registry-mirrors": ["https://ours"]}
    daemon.set(on_conflict="replace")
    assert daemon.holds() == OURS


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('{\n  "debug": true,,\n}', "The file is not JSON: Expecting property name enclosed in double quotes"),
        ("[]", "The file does not contain a JSON object."),
        (b"\xff\xfe", "The file is not text."),
    ],
)
def test_invalid_file_is_refused_and_kept(daemon, text, reason):
    content = text if isinstance(text, bytes) else text.encode()
    daemon.has("")
    daemon.file.write_bytes(content)
    result = daemon.set()
    assert result["msg"].startswith(f"{daemon.file}{KEEP}{reason}")
    assert result["msg"].endswith("Correct it, or move it away.")
    assert daemon.file.read_bytes() == content


def test_error_line_is_reported(daemon):
    daemon.has('{\n  "debug": true,,\n}')
    assert "line 2 column 17" in daemon.set()["msg"]
    assert """('"debug": true,,')""" in daemon.set()["msg"]


def dockerd(folder, script):
    tool = folder / "dockerd"
    tool.write_text(f"#!/bin/sh\n{script}\n")
    tool.chmod(0o755)
    return {"PATH": f"{folder}:{os.environ['PATH']}"}


# Recorded outputs of Docker 26.1 and 20.10; the role's own test uses a real 26.1.
def test_docker_validates_first_simulated(daemon, tmp_path):
    message = (
        "unable to configure the Docker daemon with file $file: the following directives don't match any configuration"
    )
    env = dockerd(tmp_path, f'file="${{2#*=}}"; echo "{message} option: colour" >&2; exit 1')
    result = daemon.set({"colour": "red"}, env=env)
    assert result["msg"] == (
        f"{daemon.file}{KEEP}Docker rejects the new content: unable to configure the Docker daemon with file"
        " daemon.json: the following directives don't match any configuration option: colour. Correct"
        " container_runtime_options, or the file's own keys."
    )
    assert not daemon.file.exists()


def test_old_docker_cannot_validate_simulated(daemon, tmp_path):
    env = dockerd(tmp_path, 'echo "unknown flag: --validate" >&2; exit 125')
    assert daemon.set(env=env)["changed"]


def test_restored_file_and_record(daemon):
    daemon.has({"debug": True})
    daemon.set({"data-root": "/one"})
    daemon.set(state="committed")
    daemon.set({"data-root": "/two", "hosts": ["fd://"]})
    assert daemon.set(state="restored")["changed"]
    assert daemon.holds() == {"debug": True, "data-root": "/one"}
    assert not daemon.before.exists()
    assert not daemon.set({"data-root": "/one"})["changed"]


def test_two_changes_are_restored_to_the_running_configuration(daemon):
    daemon.has({"debug": True})
    daemon.set({"data-root": "/one"})
    daemon.set({"data-root": "/two"})
    daemon.set(state="restored")
    assert daemon.holds() == {"debug": True}


def test_new_file_is_removed_by_a_restore(daemon):
    daemon.set()
    daemon.set(state="restored")
    assert not daemon.file.exists()
    assert not daemon.set(state="restored")["changed"]


def test_full_disk_is_reported(daemon, load, monkeypatch):
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
