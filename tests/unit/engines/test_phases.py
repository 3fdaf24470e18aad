"""The phase of loading that an engine's log shows, from excerpts of real logs."""

import re
from itertools import accumulate
from pathlib import Path

import pytest
import yaml
from ansible.module_utils.phases import current_phase, duration, running
from pydantic import ValidationError

from inferfleet.engines import load_engine, load_engines
from inferfleet.engines.schema import Phase
from inferfleet.messages import Message, use_language

FIXTURES = Path(__file__).parents[2] / "fixtures"
LOGS = sorted((FIXTURES / "loading").glob("*.yml"))
HEALTHY = FIXTURES / "doctor/healthy/node1/inferfleet-engine.log"


def phases_of(name: str) -> list[dict[str, str]]:
    return [phase.model_dump() for phase in load_engine(name).phases]


def shown(lines: list[str], engine: str) -> str:
    return str(current_phase(lines, phases_of(engine)))


@pytest.mark.parametrize("file", LOGS, ids=lambda file: file.stem)
def test_each_line_of_a_log_shows_its_phase(file: Path) -> None:
    recorded = yaml.safe_load(file.read_text("utf-8"))
    heads = list(accumulate([entry["line"]] for entry in recorded["log"]))
    assert [shown(head, recorded["engine"]) for head in heads] == [entry["phase"] for entry in recorded["log"]]


def test_log_of_vllm_over_ray() -> None:
    lines = HEALTHY.read_text("utf-8").splitlines()
    ends = {
        "non-default args": "starting the engine",
        "Connecting to existing Ray cluster": "waiting for Ray workers",
        "Creating a new placement group": "waiting for Ray workers",
        "100% Completed | 5/5": "loading weights 100 %",
        "Loading weights took": "loading weights",
        "KV cache size: 310,688 tokens": "allocating the KV cache and warming up",
        "Starting vLLM server": "starting the API server",
    }
    for text, phase in ends.items():
        number = next(number for number, line in enumerate(lines) if text in line)
        assert shown(lines[: number + 1], "vllm") == phase


@pytest.mark.parametrize("engine", ["vllm", "vllm_vacc"])
def test_texts_of_vllm_0_8(engine: str) -> None:
    lines = {
        "INFO 11-27 09:00:00 [api_server.py:1043] vLLM API server version 0.8.5.post1": "starting the engine",
        "INFO 11-27 09:00:09 [ray_utils.py:234] Waiting for creating a placement group of specs for 10 seconds.": (
            "waiting for Ray workers"
        ),
        "INFO 11-27 09:01:00 [worker.py:287] Memory profiling takes 5.20 seconds": (
            "measuring the memory for the KV cache"
        ),
        "INFO 11-27 09:01:02 [executor_base.py:112] # cuda blocks: 1912, # CPU blocks: 585": (
            "allocating the KV cache and warming up"
        ),
        "INFO 11-27 09:01:03 [model_runner.py:1450] Capturing cudagraphs for decoding. This may lead to unexpected": (
            "capturing CUDA graphs"
        ),
        "Capturing CUDA graph shapes:  34%|███▍      | 12/35 [00:06<00:12,  1.80it/s]": "capturing CUDA graphs 12/35",
    }
    assert {line: shown([line], engine) for line in lines} == lines


def test_unknown_lines_keep_the_last_phase() -> None:
    known = "Loading safetensors checkpoint shards:  41% Completed | 67/163 [01:30<02:10,  1.40s/it]"
    assert shown([known, "INFO something new: 7%", ""], "vllm") == "loading weights 41 %"
    assert current_phase(["INFO something new"], phases_of("vllm")) is None
    assert current_phase([known], []) is None


def test_colors_do_not_hide_a_phase() -> None:
    assert shown(["\x1b[36mLoad weight \x1b[0mbegin. avail mem=78.81 GB"], "sglang") == "loading weights"


@pytest.mark.parametrize(
    ("line", "seconds", "text"),
    [
        ("Multi-thread loading shards:  20% Completed | 1/5", 250.4, "loading weights 20 % (running for 4m 10s)"),
        ("unknown", 7384, "starting the engine (running for 2h 03m)"),
        ("", -0.2, "starting the engine (running for 0s)"),
    ],
)
def test_progress_of_an_engine(line: str, seconds: float, text: str) -> None:
    assert str(running(current_phase([line], phases_of("sglang")), seconds)) == text


def test_progress_is_shown_in_the_language_of_the_controller() -> None:
    line = "Loading safetensors checkpoint shards:  41% Completed | 67/163 [01:30<02:10,  1.40s/it]"
    sent = running(current_phase([line], phases_of("vllm")), 90).as_dict()
    use_language("zh")
    text = str(Message.from_dict(sent))
    use_language("en")
    assert text == "加载权重 41 %（已运行 1m 30s）"


@pytest.mark.parametrize(("seconds", "text"), [(0, "0s"), (59.4, "59s"), (59.6, "1m 00s"), (3599.7, "1h 00m")])
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("pattern", "name"),
    [
        ("Loading (?P<percent>\\d+)%", "loading weights"),
        ("Loading", "loading weights {percent} %"),
        ("Loading (?P<share>\\d+)%", "loading weights {share} %"),
    ],
)
def test_name_has_the_fields_of_its_pattern(pattern: str, name: str) -> None:
    with pytest.raises(ValidationError, match="are not the groups"):
        Phase(pattern=pattern, name=name)


def test_patterns_run_on_the_nodes() -> None:
    """Python 3.9 has neither possessive quantifiers nor atomic groups."""
    patterns = [phase.pattern for engine in load_engines().values() for phase in engine.phases]
    assert not [pattern for pattern in patterns if re.search(r"[*+?}]\+|\(\?>", pattern)]


def test_engines_with_a_server_have_phases() -> None:
    without = {name for name, engine in load_engines().items() if not engine.phases}
    assert without == {"deepseek-infer", "gpustack"}  # these have their own progress
