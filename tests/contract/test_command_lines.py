"""The parsers of the engines accept every command line of the planner."""

import pytest
from command_lines import INVENTORIES, VARIANTS, by_parser
from tools.engine_parsers import ENVIRONMENTS

from inferfleet.engines import load_engines, load_flags
from inferfleet.planner import make_plan
from inferfleet.settings import Settings

BY_NAME = {environment.name: environment for environment in ENVIRONMENTS}
ONE = {"n1": {"role": "head", "address": "10.0.0.1"}}


def good(name):
    """Return a command line for a version."""
    environment = BY_NAME[name]
    contract = {"engine": environment.engine, "engine_version": environment.version, "accelerator": "H200-141G"}
    contract |= {"model": "deepseek-r1-distill-qwen-7b", "executor": "mp"}
    plan = make_plan(Settings(**contract), ONE)
    assert plan.problems == []
    return plan.nodes["n1"].argv


def test_enough_command_lines():
    lines = by_parser()
    assert set(lines) >= set(BY_NAME)
    cases = {case.split()[0] for line in lines.values() for case in line.values()}
    assert set(INVENTORIES) <= cases
    assert sum(map(len, lines.values())) > 300
    assert len(VARIANTS) >= 8


# Options of the plan that a user may repeat: the engine uses the last one, and the plan stays valid.
REPEATABLE = {
    *("--reasoning-parser", "--reasoning_parser", "--enable-reasoning", "--tool-call-parser", "--chat-template"),
    *("--enable-auto-tool-choice", "--trust-remote-code", "--trust_remote_code", "--disable-custom-all-reduce"),
    *("--enforce-eager", "--eager-mode", "--cuda-graph-backend-decode", "--cuda-graph-backend-prefill"),
    *("--no-enable-prefix-caching", "--enable-prefix-caching", "--disable-radix-cache"),
    *("--enable-force-include-usage", "--stream-response-default-include-usage"),
    *("--disable-access-log-for-endpoints", "--uvicorn-access-log-exclude-prefixes"),
}


def test_options_set_by_the_plan_are_managed():
    """An option that is not rejected in engine_extra_args would silently override the plan."""
    for name, lines in by_parser().items():
        engine = load_engines()[name.split("-0.")[0].removesuffix("-1.2.1")]
        for argv in lines:
            options = {word for word in argv if word.startswith("--")}
            assert options <= engine.managed.keys() | REPEATABLE, name


@pytest.mark.parametrize("name", BY_NAME)
def test_engine_accepts_every_command_line(parser_of, name):
    lines = by_parser()[name]
    answers = parser_of(name).refusals([list(argv) for argv in lines])
    refused = [(case, argv, error) for (argv, case), error in zip(lines.items(), answers, strict=True) if error]
    assert refused == []


@pytest.mark.parametrize("name", BY_NAME)
def test_parser_rejects_invalid_options(parser_of, name):
    argv = good(name)
    size = next(word for word in argv if word in ("--max-model-len", "--context-length", "--session-len"))
    at = argv.index(size)
    bad = {
        "a flag that is not there": [*argv, "--no-such-flag"],
        "a flag cut short": [*argv[:at], size[:-2], *argv[at + 1 :]],
        "a flag misspelt": [*argv[:at], size.replace("len", "lne"), *argv[at + 1 :]],
        "a choice that is not there": [*argv, "--dtype", "int3"],
        "a word for a number": [*argv[: at + 1], "many", *argv[at + 2 :]],
        "another command": ["vllm", "bench", *argv[2:]],
    }
    answers = parser_of(name).refusals([*bad.values(), argv])
    assert [case for case, error in zip(bad, answers, strict=False) if not error] == []
    assert answers[-1] == ""


@pytest.mark.parametrize("name", BY_NAME)
def test_flags_file_matches_the_parser(parser_of, name):
    environment = BY_NAME[name]
    listed = load_flags(environment.engine, environment.version)
    own = [tuple(spellings) for spellings in parser_of(name).options()]
    assert list(listed.options) == own, f"run python -m tools.engine_flags {name}"
    assert list(listed.switches) == parser_of(name).switches(), f"run python -m tools.engine_flags {name}"
    assert listed.complete


def test_tensorrt_llm_has_every_used_option():
    """Its parser does not run without a GPU, so the catalog's flags file is used instead."""
    known = {spelling for option in load_flags("tensorrt-llm", "1.2.1").options for spelling in option}
    lines = by_parser()["tensorrt-llm-1.2.1"]
    assert len(lines) > 20
    for argv in lines:
        used = [word for word in argv if word.startswith("--")]
        assert set(used) <= known
    assert "--no_such_option" not in known
