"""The parser of `vllm bench serve` accepts every command line of the benchmark."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from lab.problem import LabError
from tools.engine_parsers import ENVIRONMENTS, EngineParser

from inferfleet.bench import SweepSettings, load_presets, plan_sweep
from inferfleet.bench.client import bench_argv
from inferfleet.bench.sweep import measurement_at

VLLM = [environment for environment in ENVIRONMENTS if environment.engine == "vllm"]
PLAN = {"max_model_len": 32768, "max_num_seqs": 256, "data_parallel_size": 1}


@pytest.fixture(scope="module", params=VLLM, ids=lambda environment: environment.name)
def client(request: pytest.FixtureRequest) -> Iterator[EngineParser]:
    try:
        with EngineParser(replace(request.param, program="parse_vllm_bench.py")) as parser:
            yield parser
    except LabError as problem:
        pytest.skip(f"The packages of {request.param.name} cannot be installed here: {problem}")


def argvs(version: str) -> list[list[str]]:
    """Return the command lines of every preset, with and without the end of the sequence."""
    found = []
    for preset in load_presets():
        for ignore_eos in (True, False):
            sweep = plan_sweep(SweepSettings(preset, ignore_eos=ignore_eos), PLAN, seed=1).sweep
            assert sweep
            where = {"url": "http://10.0.0.1:8000", "endpoint": "/v1/completions", "model": "r1", "version": version}
            found += [
                bench_argv(measurement_at(sweep, c, tokenizer="/data/models/r1", folder="/run/out", **where))
                for c in sweep.concurrency
            ]
    return found


def test_parser_accepts_every_command_line(client: EngineParser) -> None:
    lines = argvs(client.environment.version)
    assert len(lines) > 10
    assert [error for error in client.refusals(lines) if error] == []


def test_parser_rejects_invalid_options(client: EngineParser) -> None:
    (good, *_) = argvs(client.environment.version)
    at = good.index("--random-input-len")
    bad = {
        "a flag that is not there": [*good, "--no-such-flag"],
        "a flag cut short": [*good[:at], "--random-input-l", *good[at + 1 :]],
        "a word for a number": [*good[: at + 1], "many", *good[at + 2 :]],
        "another command": ["vllm", "serve", *good[3:]],
    }
    answers = client.refusals(list(bad.values()))
    assert [case for case, error in zip(bad, answers, strict=True) if not error] == []


def test_only_new_versions_need_the_body(client: EngineParser) -> None:
    bodies = [argv for argv in argvs(client.environment.version) if "--extra-body" in argv]
    assert bool(bodies) == (client.environment.version != "0.8.5.post1")
