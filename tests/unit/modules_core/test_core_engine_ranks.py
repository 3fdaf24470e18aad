"""engine_ranks on real processes with the titles of vLLM and Ray."""

import subprocess

import pytest

TITLES = [
    "VLLM::Worker_TP0",
    "ray::RayWorkerWrapper.execute_method",
    "VLLM::EngineCore",
    "not a VLLM::Worker",
    "ray::IDLE",
]


@pytest.fixture
def processes():
    started = [subprocess.Popen(["/bin/sleep", "60"], executable="/bin/sleep")]
    started = [subprocess.Popen([title, "60"], executable="/bin/sleep") for title in TITLES] + started
    yield started
    for process in started:
        process.terminate()
        process.wait()


def own(titles):
    """Exclude the ranks of a cluster that runs on the same machine."""
    return [title for title in titles if title.endswith(" 60")]


def test_only_workers_run_a_rank(load, processes):
    wanted = ["VLLM::Worker_TP0 60", "ray::RayWorkerWrapper.execute_method 60"]
    assert own(load("engine_ranks").titles("^(VLLM::Worker|ray::RayWorker)")) == wanted


def test_dead_rank_does_not_count(run_module, processes):
    processes[0].terminate()
    processes[0].wait()
    result = run_module("engine_ranks")
    assert own(result["ranks"]) == ["ray::RayWorkerWrapper.execute_method 60"]
    assert result["changed"] is False


def test_engine_without_titles(run_module, processes):
    assert run_module("engine_ranks", pattern="")["ranks"] == []
