"""`inferfleet logs` against programs named docker and journalctl on this machine."""

import json
import os
import re
import stat
import sys
import time
from pathlib import Path

import pexpect
import pytest
import yaml
from tests.unit.cli.terminal import heed_sigint
from typer.testing import CliRunner

from inferfleet.cli import app
from inferfleet.cli.commands.logs import component_of, container_pattern
from inferfleet.components import load_components

ROOT = Path(__file__).parents[3]
SECRET = "a-secret-of-this-site"
DOCKER = """#!/bin/sh
case "$1 $*" in
  ps*) echo "c1 running inferfleet-engine"; echo "c2 exited inferfleet-webui" ;;
  *--follow*c1) echo "2026-01-01T00:00:0$(cat {folder}/starts).000000001Z started $(cat {folder}/starts)"
                echo $(($(cat {folder}/starts) + 1)) > {folder}/starts; sleep 1 ;;
  *c1) echo "2026-01-01T00:00:01.000000001Z one key={secret}"; echo "2026-01-01T00:00:03.5Z 10%\\r20%" ;;
  *c2) echo "2026-01-01T00:00:02.000000009Z two" ;;
esac
"""
JOURNAL = """#!/bin/sh
echo '{"__REALTIME_TIMESTAMP": "1767225602500000", "_SYSTEMD_UNIT": "inferfleet-gateway.service", "MESSAGE": [104,255]}'
echo '{"__REALTIME_TIMESTAMP": "1767225600000000", "UNIT": "inferfleet-gateway.service", "MESSAGE": "Started"}'
echo 'no JSON'
case "$*" in *--follow*) sleep 60 ;; esac
"""


@pytest.fixture
def site(tmp_path, monkeypatch):
    for name, text in (("docker", DOCKER.format(folder=tmp_path, secret=SECRET)), ("journalctl", JOURNAL)):
        program = tmp_path / "bin" / name
        program.parent.mkdir(exist_ok=True)
        program.write_text(text)
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
    (tmp_path / "starts").write_text("1")
    folder = tmp_path / "site"
    (folder / ".secrets").mkdir(parents=True)
    (folder / ".secrets" / "engine_api_key").write_text(f"{SECRET}\n")
    here = {"ansible_connection": "local", "ansible_host": "10.0.0.1", "ansible_python_interpreter": sys.executable}
    hosts = {"ray_head": {"hosts": {"n1": here}}, "ray_worker": {"hosts": {"n2": here | {"ansible_host": "10.0.0.2"}}}}
    (folder / "hosts.yml").write_text(yaml.safe_dump({"all": {"children": hosts}}))
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("INFERFLEET_HOME", str(ROOT))
    return folder


def run(*arguments):
    ended = CliRunner().invoke(app, ["logs", *map(str, arguments)])
    assert ended.exception is None or isinstance(ended.exception, SystemExit)
    return ended.exit_code, ended.stdout, ended.stderr


def test_lines_of_all_nodes_in_the_order_of_their_times(site):
    code, output, _ = run("-i", site, "--json")
    lines = [json.loads(line) for line in output.splitlines()]
    assert code == 0
    assert [line["time"] for line in lines] == sorted(line["time"] for line in lines)
    assert {line["node"] for line in lines} == {"n1", "n2"}
    of_one = [(line["component"], line["text"]) for line in lines if line["node"] == "n1"]
    assert of_one == [
        ("gateway", "Started"),
        ("engine", "one key=<engine_api_key>"),
        ("webui", "two"),
        ("gateway", "h�"),
        ("engine", "20%"),
    ]


def test_a_node_and_a_component_are_selected(site):
    code, output, _ = run("-i", site, "--node", "n2", "--component", "webui")
    assert code == 0
    assert [line.split() for line in output.splitlines()] == [["2026-01-01", "00:00:02.000", "n2", "webui", "two"]]


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("--node", "n3"), 1),
        (("--service", "r1"), 1),
        (("--component", "engin"), 1),
        (("--replica", "nowhere"), 1),
        (("--since", "soon"), 1),
    ],
)
def test_wrong_options_are_refused(site, arguments, code):
    ended, output, errors = run("-i", site, *arguments)
    assert (ended, output) == (code, "")
    assert errors.strip()


def test_a_node_that_cannot_be_reached_ends_with_the_next_step(site):
    hosts = yaml.safe_load((site / "hosts.yml").read_text())
    hosts["all"]["children"]["ray_worker"]["hosts"]["n2"] = {"ansible_host": "127.0.0.1", "ansible_port": 1}
    (site / "hosts.yml").write_text(yaml.safe_dump(hosts))
    code, output, errors = run("-i", site, "--json")
    assert code == 4
    assert {json.loads(line)["node"] for line in output.splitlines()} == {"n1"}
    assert "inferfleet check" in errors


@pytest.mark.parametrize(
    "variables", [{"ansible_connection": "docker"}, {"ansible_become": True, "ansible_become_method": "su"}]
)
def test_connections_without_sessions_are_refused(site, variables):
    hosts = yaml.safe_load((site / "hosts.yml").read_text())
    hosts["all"]["children"]["ray_worker"]["hosts"]["n2"] |= variables
    (site / "hosts.yml").write_text(yaml.safe_dump(hosts))
    code, _, errors = run("-i", site)
    assert code == 1
    assert "not support" in errors


@pytest.mark.slow  # follows for some seconds
def test_a_restarted_container_is_followed_until_ctrl_c(site):
    program = ["-c", "from inferfleet.cli import app; app()", "logs", "-i", str(site), "-F", "--node", "n1"]
    with pexpect.spawn(
        sys.executable, [*program, "-c", "engine"], encoding="utf-8", timeout=60, preexec_fn=heed_sigint
    ) as terminal:
        terminal.expect("started 1")
        terminal.expect("started 2")
        terminal.sendintr()
        terminal.expect(pexpect.EOF)
        assert "Traceback" not in terminal.before
    assert terminal.exitstatus == 130
    deadline = time.monotonic() + 30
    while any(str(site.parent) in _command(pid) for pid in Path("/proc").glob("[0-9]*")):  # nothing keeps running
        assert time.monotonic() < deadline
        time.sleep(0.1)


def _command(process: Path) -> str:
    try:
        return (process / "cmdline").read_text()
    except OSError:
        return ""


def test_every_component_is_recognized_by_its_container_or_unit():
    everything = [component.name for component in load_components()]
    for component in load_components():
        assert component_of(component.container or component.unit) == component.name
        if component.container:
            assert re.search(container_pattern(everything), component.container)
            assert re.search(container_pattern([component.name]), f"{component.container}-before")
    assert not re.search(container_pattern(everything), "other")
    assert container_pattern(["gateway"]) == ""
