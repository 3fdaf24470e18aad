"""Engines are discovered from folders: a new engine is a folder, a new version an entry."""

from pathlib import Path

import pytest
import yaml
from pydantic import ValidationError
from tests.unit.contributing import examples

from inferfleet import engines
from inferfleet.catalog import CatalogError, UnknownNameError, load_accelerators, load_models
from inferfleet.engines import load_command, load_engine, load_engines, load_flags, own_port
from inferfleet.engines.logs import log_names, ready_lines
from inferfleet.engines.parsers import reasoning_parser, tool_call_parser
from inferfleet.inventory.values import settings_problems
from inferfleet.planner import make_plan
from inferfleet.settings import Settings

NODES = {f"n{i}": {"role": "worker" if i else "head", "address": f"10.0.0.{i + 1}"} for i in range(2)}
EXAMPLE = examples("Add an engine")
FACTS = yaml.safe_load(EXAMPLE[Path("src/inferfleet/engines/example/engine.yml")]) | {
    "flags": [{"name": "--since-two", "since": "2.0"}]
}
COMMAND = EXAMPLE[Path("src/inferfleet/engines/example/command.py")]


def write(folder: Path, **facts: object) -> None:
    folder.mkdir(exist_ok=True)
    (folder / "engine.yml").write_text(yaml.safe_dump({**FACTS, **facts}))
    (folder / "command.py").write_text(COMMAND)


@pytest.fixture
def search_path(tmp_path, monkeypatch):
    """Return a folder on the search path in addition to the package's own."""
    monkeypatch.setattr(engines, "__path__", [*engines.__path__, str(tmp_path)])
    return tmp_path


def plan_of(engine, **settings):
    base = {"model": "deepseek-r1", "engine": engine, "executor": "mp", "accelerator": "H200-141G"}
    return make_plan(Settings(**base, **settings), NODES)


def test_version_entry_and_flags_file(search_path):
    versions = [{"version": version, "image": {"nvidia": f"made-up:{version}"}} for version in ("2.1", "1.0")]
    write(search_path / "version_entries", versions=versions)
    (search_path / "version_entries" / "flags").mkdir()
    (search_path / "version_entries" / "flags" / "2.1.yml").write_text("options: [[--known], [--size, -s]]\n")
    newest, pinned = plan_of("version_entries"), plan_of("version_entries", engine_version="1.0")
    assert (newest.image, pinned.image) == ("made-up:2.1", "made-up:1.0")
    assert "--since-two" in newest.nodes["n0"].argv
    assert "--since-two" not in pinned.nodes["n0"].argv
    refused = {
        word: [problem.code for problem in plan_of("version_entries", engine_extra_args=[word]).problems]
        for word in ("--known", "--unknown", "-s")
    }
    assert refused == {"--known": [], "--unknown": ["flag-unsupported"], "-s": ["flag-managed"]}
    assert load_flags("version_entries", "1.0") is None


def test_setting_accepts_discovered_engines(tmp_path, monkeypatch):
    with pytest.raises(ValidationError):
        Settings(engine="only_here")
    write(tmp_path / "only_here")
    monkeypatch.setattr(engines, "__path__", [*engines.__path__, str(tmp_path)])
    for name in ("auto", "only_here", *load_engines()):
        assert Settings(engine=name).engine == name


def test_unknown_engine_suggests_the_nearest():
    [problem] = settings_problems({"engine": "sgland"})
    assert problem.code == "bad-value"
    assert problem.remedy.startswith("Did you mean sglang? Set engine to 'auto', 'vllm', ")


def test_name_differs_from_module_name(search_path):
    write(search_path / "with_hyphen", name="with-hyphen")
    assert plan_of("with-hyphen").nodes["n0"].argv[0] == "example"


def test_shared_command_line(search_path):
    write(search_path / "fork", command_line_of="vllm")
    shared, own = load_engine("vllm"), load_engine("fork")
    assert (own.managed, own.flexible_flags) == (shared.managed, shared.flexible_flags)
    assert own.reasoning_parsers == shared.reasoning_parsers
    assert own.port == own_port("fork") == 7777


def test_shared_command_line_of_an_unknown_engine(search_path):
    write(search_path / "orphan", command_line_of="vlm")
    with pytest.raises(UnknownNameError, match=r"orphan is 'vlm'.*Did you mean vllm\?"):
        load_engines()


def test_invalid_file_is_reported_with_its_key(search_path):
    write(search_path / "broken", versions=[])
    with pytest.raises(CatalogError, match=r"broken/engine\.yml: key versions: it has fewer than 1 items"):
        load_engines()


def test_every_engine_is_complete():
    for name, engine in load_engines().items():
        assert callable(load_command(name))
        assert engine.bench_client in ("", *load_engines())
        assert engine.protocol == "none" or engine.ready_log
        for version in engine.versions:
            assert set(version.image) <= {*engine.vendors, *load_accelerators()}
            assert all(":" in image for image in version.image.values())
            assert set(version.reasoning_parsers or ()) <= engine.reasoning_parsers.keys()


def test_log_names_and_ready_lines():
    names = ("inferfleet-engine.log", "sglang-1.log", "tensorrt-llm.log", "vllm.log", "gpustack.log", "kernel.log")
    assert [bool(log_names().search(name)) for name in names] == [True] * 5 + [False]
    lines = ("INFO: Application startup complete.", "The server is fired up and ready to roll!", "Loading weights")
    assert [bool(ready_lines().search(line)) for line in lines] == [True, True, False]


def test_preferences_are_unique():
    ranks = [engine.preference for engine in load_engines().values() if engine.preference]
    assert ranks == sorted(set(ranks))


def test_every_http_engine_has_a_reasoning_parser_for_deepseek_r1():
    for model in (model for model in load_models().values() if model.reasoning_parser == "deepseek_r1"):
        for name, engine in load_engines().items():
            if engine.protocol == "openai":
                assert reasoning_parser(model, name, engine, engine.versions[0])


def test_vllm_and_sglang_have_the_parsers_of_every_model():
    for name in ("vllm", "sglang"):
        engine = load_engine(name)
        for model in load_models().values():
            assert bool(reasoning_parser(model, name, engine, engine.versions[0])) == bool(model.reasoning_parser)
            assert bool(tool_call_parser(model, name, engine, engine.versions[0])) == bool(model.tool_call_parser)


def test_engine_specific_parser_names():
    r1 = load_models()["deepseek-r1-0528"]
    kimi = r1.model_copy(update={"reasoning_parser": "kimi_k2", "tool_call_parser": "kimi_k2"})
    given = r1.model_copy(update={"reasoning_parser": {"sglang": "its_own"}, "tool_call_parser": {"sglang": "tools"}})

    def names(model, name):
        engine = load_engine(name)
        version = engine.versions[0]
        return reasoning_parser(model, name, engine, version), tool_call_parser(model, name, engine, version)

    assert names(r1, "vllm") == ("deepseek_r1", "deepseek_v3")
    assert names(r1, "sglang") == ("deepseek-r1", "deepseekv3")
    assert names(kimi, "vllm") == names(kimi, "sglang") == ("kimi_k2", "kimi_k2")
    assert names(given, "sglang") == ("its_own", "tools")
    assert names(given, "vllm") == ("", "")


def test_version_with_fewer_parsers():
    engine = load_engine("vllm")
    oldest = engine.versions[-1]
    kimi = load_models()["deepseek-r1"].model_copy(update={"reasoning_parser": "kimi_k2"})
    assert reasoning_parser(load_models()["deepseek-r1"], "vllm", engine, oldest) == "deepseek_r1"
    assert reasoning_parser(kimi, "vllm", engine, oldest) == ""
