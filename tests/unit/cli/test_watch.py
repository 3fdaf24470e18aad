"""`inferfleet status --watch`: what nodes report, the rows of it, and its end."""

import json
import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pexpect
import pytest
import yaml
from inferfleet_supervisor.settings import CONTROL_SOCKET, SETTINGS
from rich.cells import cell_len
from rich.console import Console
from tests.unit.cli.terminal import heed_sigint

from inferfleet.cli.output.watch import GpuRow, ReplicaRow, gpu_rows, picture, plain_lines, replica_rows, silent
from inferfleet.cli.watch import metric_names
from inferfleet.messages import use_language
from inferfleet.sessions.on_node import state

ROOT = Path(__file__).parents[3]
METRICS = """# TYPE vllm:num_requests_running gauge
vllm:num_requests_running{model_name="r1",engine="0"} 2.0
vllm:num_requests_running{model_name="r1",engine="1"} 1.0
vllm:num_requests_waiting{model_name="r1"} 4.0
vllm:generation_tokens_total{model_name="r1"} 1.5e+03
vllm:kv_cache_usage_perc{model_name="r1",engine="0"} 0.25
vllm:kv_cache_usage_perc{model_name="r1",engine="1"} 0.5
"""


@pytest.fixture
def engine():
    class Answer(BaseHTTPRequestHandler):
        def do_GET(self):
            allowed = self.headers["Authorization"] == "Bearer k" and self.path == "/metrics"
            self.send_response(200 if allowed else 401)
            self.end_headers()
            self.wfile.write(METRICS.encode() if allowed else b"")

        def log_message(self, *_):
            pass

    server = HTTPServer(("127.0.0.1", 0), Answer)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_address[1]
    server.shutdown()
    server.server_close()


def test_metrics_of_an_engine(engine):
    probe = {"port": engine, "metrics": {"path": "/metrics"}, "authorization": "Bearer k"}
    assert state.engine(probe, metric_names()) == {"running": 3, "waiting": 4, "generated": 1500, "kv_cache": 0.5}
    assert state.engine(probe | {"authorization": ""}, metric_names()) == {}


def test_files_are_those_of_the_supervisor():
    assert (state.SETTINGS, state.SOCKET) == (SETTINGS, CONTROL_SOCKET)


def report(at, generated, **changed):
    status = {"replica": "r", "leader": "n1", "state": "serving", "generation": 2, "restarts": 1}
    engine = {"running": 3.0, "waiting": 0.0, "generated": generated, "kv_cache": 0.5}
    gpus = [[0, 97.0, 70000.0, 81559.0, 612.3, None]]
    return {"time": at, "received": at, "supervisor": status, "engine": engine, "gpus": gpus, **changed}


def test_rows_of_replicas_and_gpus():
    member = report(12.0, None, supervisor={"replica": "r", "leader": "n1", "state": "serving"}, engine={}, gpus=[])
    now, before = {"n1": report(12.0, 300.0), "n2": member}, {"n1": report(10.0, 100.0)}
    assert replica_rows(now, before) == [ReplicaRow("r", "serving", 2, 1, 3.0, 0.0, 100.0, 0.5)]
    assert gpu_rows(now) == [GpuRow("n1", 0, 97.0, 70000.0, 81559.0, 612.3, None)]
    assert replica_rows({"n1": report(12.0, 5.0)}, before)[0].tokens is None  # the engine restarted
    assert replica_rows({"n1": report(12.0, 5.0, engine={})}, before)[0].running is None


def test_silent_nodes():
    now = {"n1": report(100.0, 1.0), "n2": report(85.0, 1.0)}
    assert list(silent(now, {"n3": "refused"}, 101.0)) == ["n2", "n3"]


@pytest.mark.parametrize("language", ["en", "zh"])
def test_columns_fit_into_80_cells(language):
    now = {"n1": report(12.0, 300.0)}
    rows = replica_rows(now, {"n1": report(10.0, 100.0)}), gpu_rows(now), {"n2": "timeout"}
    use_language(language)
    try:
        console = Console(width=80, record=True, file=open(os.devnull, "w"))  # noqa: SIM115, PTH123
        console.print(picture(*rows))
        lines, plain = console.export_text().splitlines(), plain_lines(*rows)
    finally:
        use_language("en")
    assert all(cell_len(line) <= 80 for line in lines)
    assert any("100.0" in line and "50 %" in line for line in lines)
    assert "68.4/79.6 GiB" in "\n".join(lines)
    assert [line.replace("：", ":").split(":")[0] for line in plain] == ["r", "n1", "n2"]


@pytest.fixture
def site(tmp_path):
    here = {"ansible_connection": "local", "ansible_host": "10.0.0.1", "ansible_python_interpreter": sys.executable}
    hosts = {"ray_head": {"hosts": {"n1": here}}, "webui": {"hosts": {"n2": {"ansible_host": "127.0.0.1"}}}}
    hosts["webui"]["hosts"]["n2"]["ansible_port"] = 1
    (tmp_path / "hosts.yml").write_text(yaml.safe_dump({"all": {"children": hosts}}))
    return tmp_path


@pytest.mark.slow  # waits for two reports
def test_ctrl_c_ends_it_and_its_sessions(site):
    program = ["-c", "from inferfleet.cli import app; app()", "status", "-i", str(site), "--watch"]
    environment = {**os.environ, "INFERFLEET_HOME": str(ROOT), "LANG": "C.UTF-8"}
    with pexpect.spawn(
        sys.executable,
        program,
        encoding="utf-8",
        timeout=60,
        env=environment,
        dimensions=(24, 80),
        preexec_fn=heed_sigint,
    ) as terminal:
        terminal.expect("n2: .*")
        terminal.sendintr()
        terminal.expect(pexpect.EOF)
        assert "Traceback" not in terminal.before
        assert terminal.before.endswith("\x1b[?25h")  # the cursor is visible again
    assert terminal.exitstatus == 130


@pytest.mark.slow  # starts the command
def test_watch_and_json_exclude_each_other(site):
    program = [sys.executable, "-c", "from inferfleet.cli import app; app()", "status", "-i", str(site), "-w", "--json"]
    environment = {**os.environ, "INFERFLEET_HOME": str(ROOT)}
    ended = subprocess.run(program, capture_output=True, text=True, check=False, env=environment)
    assert ended.returncode == 1
    assert json.loads(ended.stdout)["problems"][0]["code"] == "usage"
