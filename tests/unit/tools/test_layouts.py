"""The parts of the layout measurements that need no accelerator."""

import json

from tools.layouts.logs import read_log
from tools.layouts.models import config, tokenizer
from tools.layouts.prepare import accepting, shared
from tools.layouts.run import combine, groups

from inferfleet.catalog import load_model
from inferfleet.catalog.architecture import architecture_from_config

LOG = """\
(Worker_TP0 pid=7) INFO [gpu_model_runner.py:5255] Model loading took 7.18 GiB memory and 0.740601 seconds
(Worker_TP1 pid=8) INFO [gpu_model_runner.py:5255] Model loading took 7.18 GiB memory and 0.755 seconds
(Worker_TP0 pid=7) INFO [gpu_worker.py:509] Available KV cache memory: 115.51 GiB
(EngineCore pid=3) INFO [kv_cache_utils.py:2146] GPU KV cache size: 4,325,552 tokens
(Worker_TP0 pid=7) INFO [gpu_model_runner.py:6657] Graph capturing finished in 8 secs, took 0.47 GiB
(EngineCore pid=3) INFO [core.py:328] init engine (profile, …) took 162.44 s (compilation: 33.86 s)
"""


def test_numbers_of_a_log():
    assert read_log(LOG) == {
        "weights_gib": [7.18, 7.18],
        "load_seconds": [0.740601, 0.755],
        "kv_cache_gib": [115.51],
        "kv_cache_tokens": [4325552],
        "capture_seconds": [8],
        "graphs_gib": [0.47],
        "compile_seconds": [33.86],
        "init_seconds": [162.44],
    }


def test_config_describes_the_catalogs_architecture():
    for name in ("deepseek-r1", "deepseek-r1-distill-qwen-7b", "deepseek-r1-distill-llama-8b"):
        architecture = load_model(name).architecture
        read = architecture_from_config(config(architecture))
        assert read.model_copy(update={"quantization": architecture.quantization}) == architecture


def test_config_of_the_first_layers():
    assert config(load_model("deepseek-r1").architecture, 8)["num_hidden_layers"] == 8


def test_every_token_is_one_word():
    vocabulary = tokenizer(1000)["model"]["vocab"]
    assert sorted(vocabulary.values()) == list(range(1000))
    assert {"<think>", "</think>", "t999"} <= vocabulary.keys()


def test_drafts_are_accepted_as_assumed():
    argv = accepting(["vllm", "serve", "m", "--speculative-config", '{"method": "mtp", "num_speculative_tokens": 1}'])
    assert json.loads(argv[-1]) == {
        "method": "mtp",
        "num_speculative_tokens": 1,
        "rejection_sample_method": "synthetic",
        "synthetic_acceptance_length": 1.85,
    }


def test_rates_of_replicas_add_up():
    times = dict.fromkeys(("mean_ttft_ms", "median_ttft_ms"), 30) | dict.fromkeys(("mean_tpot_ms", "median_tpot_ms"), 2)
    answers = [{"duration": seconds, "total_output_tokens": 256, "completed": 1, **times} for seconds in (1.0, 2.0)]
    assert combine(answers) == {"output_tokens_per_second": 256, "request_ms": 30 + 2 * 255, **times}


def test_servers_side_by_side_fit_into_the_memory():
    cases = [{"name": "a", "gib": 30}, {"name": "b", "gib": 46}, {"name": "c", "gib": 30}, {"name": "d"}, {"name": "e"}]
    assert [[case["name"] for case in group] for group in groups(cases, 80)] == [["a", "b"], ["c"], ["d"], ["e"]]


def test_servers_of_different_models_are_not_side_by_side():
    cases = [{"gib": 10, "label": label} for label in ("a", "a", "b")]
    assert [len(group) for group in groups(cases, 80)] == [2, 1]


def test_options_of_servers_that_share_accelerators():
    budget = {"weights_bytes": 14 << 30, "activation_bytes": 2 << 30, "overhead_bytes": 1 << 30}
    case = shared({"kv_cache_gib": 8.5}, budget, ["--moe-backend", "triton"])
    assert case["gib"] == 25.5
    assert (case["options"][:2], case["options"][-2:]) == (
        ["--moe-backend", "triton"],
        ["--kv-cache-memory-bytes", str(17 << 29)],
    )
    assert shared({"kv_cache_gib": 8.5, "weights_share": 0.5}, budget, [])["gib"] == 18.5
    assert shared({}, budget, []) == {"options": []}
