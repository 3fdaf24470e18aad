"""The folder of a run: files round-trip, and interrupted runs resume."""

import csv
import io
import json
from datetime import UTC, datetime

import pytest

from inferfleet.bench import Run, SweepSettings
from inferfleet.bench.files import RunError, load, save, unfinished
from inferfleet.bench.plots import draw
from inferfleet.bench.session import begin, hardware_facts, recorded_plan, resume
from inferfleet.bench.table import HEAD, row, to_csv

NOW = datetime(2026, 11, 23, 5, 45, tzinfo=UTC)


def problem_of(function, *given):
    with pytest.raises(RunError) as raised:
        function(*given)
    return raised.value.problem


def test_save_and_load(run, tmp_path):
    save(tmp_path, run)
    assert load(tmp_path) == run
    assert load(tmp_path / "bench.json") == run
    assert json.loads((tmp_path / "bench.json").read_text())["schema"] == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bench.csv", "bench.json"]


def test_csv_contains_all_values(run):
    lines = list(csv.DictReader(io.StringIO(to_csv(run.measurements))))
    assert [line["concurrency"] for line in lines] == ["1", "4"]
    for line, measured in zip(lines, run.measurements, strict=True):
        assert float(line["output_throughput"]) == measured.output_throughput
        assert float(line["p99_itl_ms"]) == measured.itl_ms.p99
        assert float(line["median_e2el_ms"]) == measured.e2el_ms.median
        assert int(line["failed"]) == 0
    assert len(lines[0]) == 12 + 4 * 3


def test_table_rows_align_with_header(run):
    for measured in run.measurements:
        text = row(measured)
        assert len(text) == len(HEAD)
        for title, value in (("out tok/s", f"{measured.output_throughput:.1f}"), ("failed", "0")):
            end = HEAD.index(title) + len(title)
            assert text[:end].endswith(value)


@pytest.mark.parametrize(
    ("content", "code"),
    [(None, "no-run"), ("{}", "not-a-run"), ("no JSON", "not-a-run"), ('{"schema": 2}', "not-a-run")],
)
def test_invalid_run_file_is_reported_with_its_path(tmp_path, content, code):
    path = tmp_path / "bench.json"
    if content is not None:
        path.write_text(content)
    problem = problem_of(load, path)
    assert problem.code == code
    assert str(path) in problem.message


def test_unknown_schema_is_refused(run, tmp_path):
    (tmp_path / "bench.json").write_text(json.dumps(run.as_dict() | {"schema": 2}))
    assert "schema" in problem_of(load, tmp_path).message


@pytest.mark.slow  # imports matplotlib
def test_plots_are_valid_images(run, tmp_path):
    paths = draw(run, tmp_path)
    assert [path.name for path in paths] == ["throughput.png", "throughput.svg", "latency.png", "latency.svg"]
    for path in paths:
        start = path.read_bytes()[:100]
        assert start.startswith(b"\x89PNG") if path.suffix == ".png" else b"<?xml" in start
    assert paths[1].read_text().count("<path") > 20


@pytest.mark.slow  # imports matplotlib
def test_plots_of_a_single_measurement(run, tmp_path):
    assert len(draw(run.model_copy(update={"measurements": run.measurements[:1]}), tmp_path)) == 4


def begun(plan, tmp_path, **settings):
    where = {"name": "before", "results": tmp_path, "bench_image": "vllm:1", "nodes": {}, "now": NOW}
    return begin(SweepSettings(**{"preset": "smoke"} | settings), plan, **where)


def test_begin_new_run(plan, tmp_path):
    session = begun(plan, tmp_path)
    assert session.folder == tmp_path / "20261123T054500Z"
    assert (session.run.name, session.run.started, session.run.ended) == ("before", "2026-11-23T05:45:00Z", "")
    assert session.run.missing == (1, 4)
    assert session.run.versions["engine_version"] == "0.32.0"
    assert session.run.sweep.seed == int(NOW.timestamp())
    assert not session.folder.exists()


def test_refused_run_creates_no_folder(plan, tmp_path):
    session = begun(plan, tmp_path, preset="no")
    assert (session.run, [problem.code for problem in session.problems]) == (None, ["unknown-preset"])
    assert list(tmp_path.iterdir()) == []


def test_resume_interrupted_run(run, plan, tmp_path):
    half = run.model_copy(update={"measurements": run.measurements[:1], "ended": ""})
    save(tmp_path / "20261123T054500Z", half)
    session = resume(plan, tmp_path)
    assert (session.problems, session.run.missing) == ([], (4,))
    save(session.folder, session.run.measured(run.measurements[1]))
    assert load(session.folder).missing == ()


def test_complete_run_cannot_be_resumed(run, plan, tmp_path):
    assert problem_of(unfinished, tmp_path, "").message == f"There is no run in {tmp_path}."
    save(tmp_path / "20261123T054500Z", run)
    assert problem_of(unfinished, tmp_path, "").message == f"The newest run in {tmp_path} is complete."
    assert resume(plan, tmp_path).problems[0].code == "nothing-to-resume"


def test_resume_uses_the_newest_run_of_the_service(run, tmp_path):
    half = run.model_copy(update={"ended": ""})
    save(tmp_path / "20261123T010000Z", half)
    save(tmp_path / "20261123T020000Z", half.model_copy(update={"plan": half.plan | {"service": "other"}}))
    assert unfinished(tmp_path, "").name == "20261123T010000Z"
    assert unfinished(tmp_path, "other").name == "20261123T020000Z"


def test_run_of_another_service_cannot_be_resumed(run, plan, tmp_path):
    save(tmp_path / "20261123T054500Z", run.model_copy(update={"ended": ""}))
    (problem,) = resume(plan | {"engine_version": "0.33.0"}, tmp_path).problems
    assert (problem.code, "engine_version was 0.32.0 and is 0.33.0" in problem.message) == ("other-service", True)


def test_secrets_in_the_environment_are_masked(plan):
    plan["nodes"]["node1"]["env"] |= {"HF_TOKEN": "hf_123", "NCCL_DEBUG": "INFO"}
    kept = recorded_plan(plan)
    assert "hf_123" not in json.dumps(kept)
    assert kept["nodes"]["node1"]["env"]["NCCL_DEBUG"] == "INFO"
    assert plan["nodes"]["node1"]["env"]["HF_TOKEN"] == "hf_123"


def test_hardware_facts():
    facts = {
        "inferfleet_node": {"cpu_count": 96, "listening": {"22": "sshd"}},
        "inferfleet_accelerators": {
            "driver_version": "580.65.06",
            "accelerators": [{"name": "NVIDIA H200"}, {"name": "NVIDIA H200"}],
        },
    }
    assert hardware_facts(facts) == {
        "cpu_count": 96,
        "driver_version": "580.65.06",
        "accelerators": {"NVIDIA H200": 2},
    }
    assert hardware_facts({}) == {"accelerators": {}}


def test_measurements_are_sorted_by_concurrency(run):
    one, four = run.measurements
    empty = run.model_copy(update={"measurements": ()})
    assert empty.measured(four).measured(one).measurements == (one, four)
    assert run.measured(one).measurements == (one, four)
    assert Run.model_validate(run.as_dict()) == run
