"""Metrics of weights and of NCCL's network, which a process on each node writes to a file."""

import importlib.util
import json
import os
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
spec = importlib.util.spec_from_file_location("node_metrics", ROOT / "roles/node_exporter/files/node_metrics.py")
node_metrics = importlib.util.module_from_spec(spec)
spec.loader.exec_module(node_metrics)


@pytest.fixture
def model(tmp_path):
    """A folder with two files and their manifest."""
    for name in ("a", "b"):
        (tmp_path / name).write_text(name)
        os.utime(tmp_path / name, (1000, 1000))
    write_manifest(tmp_path, complete=True)
    return tmp_path


def write_manifest(folder, complete):
    infos = {name: (folder / name).stat() for name in ("a", "b")}
    files = {name: {"stamp": [i.st_size, i.st_mtime_ns, i.st_ino]} for name, i in infos.items()}
    (folder / ".inferfleet.json").write_text(json.dumps({"complete": complete, "files": files}))


def values(lines):
    return {name: float(value) for name, value in (line.split() for line in lines if not line.startswith("#"))}


def test_unchanged_weights(model):
    assert values(node_metrics.weights_metrics(model)) == {
        "inferfleet_weights_changed_files": 0,
        "inferfleet_weights_modified_seconds": 1000,
    }


def test_written_and_removed_files_are_counted(model):
    (model / "a").write_text("other")
    (model / "b").unlink()
    assert values(node_metrics.weights_metrics(model))["inferfleet_weights_changed_files"] == 2


def test_without_a_complete_copy_there_is_no_metric(model, tmp_path_factory):
    write_manifest(model, complete=False)
    assert node_metrics.weights_metrics(model) == []
    assert node_metrics.weights_metrics(tmp_path_factory.mktemp("empty")) == []


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("n1:7:9 [0] NCCL INFO Using network Socket", True),
        ("n1:7:9 [0] NCCL INFO Channel 00/0 : 0[0] -> 8[0] [send] via NET/Socket/0", True),
        ("n1:7:9 [0] NCCL INFO Initialized NET plugin Socket to comm", True),
        ("n1:7:9 [0] NCCL INFO Using network IBext_v8", False),
        ("n1:7:9 [0] NCCL INFO Channel 00/0 : 0[0] -> 8[0] [send] via NET/IB/0/GDRDMA", False),
        ("n1:7:9 [0] NCCL INFO NET/Socket : Using [0]eth0:10.0.0.1<0>", False),
    ],
)
def test_network_of_nccl(line, expected):
    assert node_metrics.uses_sockets(f"first\n{line}\nlast") is expected


def test_what_a_log_shows_holds_until_the_container_starts_again(tmp_path, monkeypatch):
    """A program `docker` that prints what the files contain."""
    program = tmp_path / "docker"
    program.write_text(f'#!/bin/sh\ncd {tmp_path}; case "$1" in inspect) cat started;; logs) cat log;; esac\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    log = node_metrics.NcclLog("engine")

    def seen(started, text):
        (tmp_path / "started").write_text(started)
        (tmp_path / "log").write_text(text)
        log.read()
        return values(log.metrics())["inferfleet_nccl_over_sockets"]

    assert seen("2026-01-01T00:00:00Z", "loading") == 0
    assert seen("2026-01-01T00:00:00Z", "x NCCL INFO Using network Socket") == 1
    assert seen("2026-01-01T00:00:00Z", "serving") == 1
    assert seen("2026-01-01T00:09:00Z", "loading") == 0


def test_file_is_replaced_and_readable(tmp_path):
    node_metrics.write(str(tmp_path / "node.prom"), ["a 1"])
    assert (tmp_path / "node.prom").read_text() == "a 1\n"
    assert [path.name for path in tmp_path.iterdir()] == ["node.prom"]


def test_without_docker_nothing_is_known(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    log = node_metrics.NcclLog("engine")
    log.read()
    assert values(log.metrics()) == {"inferfleet_nccl_over_sockets": 0}
