"""Benchmarks of the deployed service: results, wrong key, interruption, comparison."""

import json
import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from lab_cluster import INVENTORY, ROOT, TOOLS, Controller, Finished, Lab

from inferfleet.bench import Run

pytestmark = pytest.mark.lab
RESULTS = ROOT / INVENTORY / ".results" / "bench"
SHORT = ("--output-len", "8")


def runs() -> list[Path]:
    return sorted(RESULTS.glob("*")) if RESULTS.is_dir() else []


@pytest.fixture(autouse=True)
def nothing_remains(deployed: dict[str, Any], lab: Lab) -> Any:
    """Assert that no container and no key remains on the head."""
    yield
    assert "inferfleet-bench" not in lab.containers("node1")
    assert lab.ssh("node1", "ls -d /run/inferfleet-bench 2>/dev/null || true") == ""


@pytest.fixture(scope="module")
def measured(deployed: dict[str, Any], controller: Controller) -> Finished:
    return controller.inferfleet("bench", "--name", "first", *SHORT)


def test_benchmark_writes_results(measured: Finished) -> None:
    assert (measured.rc, measured.document["changed_tasks"], measured.document["warnings"]) == (0, [], []), measured
    report = dict(measured.document["result"]["bench"])
    folder = Path(report.pop("folder"))
    assert sorted(report.pop("plots")) == sorted(str(path) for path in folder.glob("*.[ps][nv]g"))
    run = Run.model_validate_json((folder / "bench.json").read_text())
    assert run == Run.model_validate(report)
    assert [(m.concurrency, m.completed, m.failed) for m in run.measurements] == [(1, 4, 0), (4, 4, 0)]
    one, four = run.measurements
    for measurement in run.measurements:
        assert measurement.total_output_tokens == 4 * 8
        assert measurement.output_throughput == pytest.approx(32 / measurement.duration)
        assert 0 < measurement.ttft_ms.median <= measurement.ttft_ms.p99 < measurement.duration * 1000
        assert measurement.e2el_ms.mean == pytest.approx(measurement.ttft_ms.mean + 7 * measurement.tpot_ms.mean)
    assert four.request_throughput > one.request_throughput
    assert run.versions["image_digest"].startswith("sha256:")
    assert run.nodes.keys() == {"node1", "node2"}
    assert (folder / "bench.csv").read_text().count("\n") == 3
    assert (folder / "latency.png").stat().st_size > 10_000


def test_run_compared_with_itself_has_no_regression(measured: Finished, controller: Controller) -> None:
    folder = measured.document["result"]["bench"]["folder"]
    compared = controller.run([TOOLS / "inferfleet", "bench", "--compare", folder, folder, "--limit", "0%"])
    assert compared.rc == 0, compared


def test_regression_exits_with_code_6(measured: Finished, controller: Controller, tmp_path: Path) -> None:
    folder = Path(measured.document["result"]["bench"]["folder"])
    slower = json.loads((folder / "bench.json").read_text())
    slower["measurements"][1]["output_throughput"] *= 0.9
    (tmp_path / "bench.json").write_text(json.dumps(slower))
    argv = [TOOLS / "inferfleet", "bench", "--compare", folder, tmp_path, "--limit"]
    assert [controller.run([*argv, limit]).rc for limit in ("5%", "15%")] == [6, 0]


@pytest.mark.thorough
def test_wrong_key_is_reported(deployed: dict[str, Any], controller: Controller) -> None:
    before = runs()
    done = controller.inferfleet("bench", "--concurrency", "1", *SHORT, "-e", "bench_api_key=wrong")
    assert done.rc == 2, done
    (failure,) = done.document["failures"]
    assert failure["message"].startswith("All 4 requests at concurrency 1 to http://198.18.5.11:8000")
    assert "Unauthorized. The API key is wrong" in failure["message"]
    assert runs() == before


@pytest.mark.parametrize(
    ("options", "code", "text"),
    [
        (["--preset", "laten"], "unknown-preset", "Did you mean latency?"),
        (["--preset", "throughput", "--output-len", "2000"], "too-long", "max_model_len of the engine is 2048"),
    ],
)
def test_invalid_options_are_refused(
    deployed: dict[str, Any], controller: Controller, options: list[str], code: str, text: str
) -> None:
    before = runs()
    done = controller.inferfleet("bench", *options)
    assert (done.rc, done.document["outcome"]) == (1, "bad_input"), done
    (problem,) = done.document["problems"]
    assert problem["code"] == code
    assert text in f"{problem['message']} {problem['remedy']}"
    assert runs() == before


@pytest.fixture
def interrupted(deployed: dict[str, Any]) -> Callable[[], str]:
    """Return a function that interrupts the second of two measurements and returns the output."""

    def run() -> str:
        argv = [TOOLS / "inferfleet", "bench", "-i", INVENTORY, "--concurrency", "1,2", *SHORT, "--progress", "json"]
        with subprocess.Popen(argv, cwd=ROOT, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True) as process:
            assert process.stderr
            shown = []
            for line in process.stderr:
                shown.append(line)
                if '"row"' in line and json.loads(line)["label"] == "1":
                    os.kill(process.pid, signal.SIGINT)
            assert process.wait() == 130
        return "".join(shown)

    return run


@pytest.mark.thorough
def test_interrupted_run_resumes(controller: Controller, interrupted: Callable[[], str]) -> None:
    shown = interrupted()
    controller.output.append(shown)
    half = Run.model_validate_json((runs()[-1] / "bench.json").read_text())
    assert (half.missing, half.ended) == ((2,), "")
    done = controller.inferfleet("bench", "--resume")
    assert done.rc == 0, done
    complete = Run.model_validate_json((runs()[-1] / "bench.json").read_text())
    assert complete.missing == ()
    assert complete.measurements[0] == half.measurements[0]
    assert controller.inferfleet("bench", "--resume").document["problems"][0]["code"] == "nothing-to-resume"
