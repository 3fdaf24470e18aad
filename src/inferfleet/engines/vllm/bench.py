"""Command line of `vllm bench serve`, which reads the API key from OPENAI_API_KEY."""

import json

from inferfleet.engines.measurement import Measurement
from inferfleet.versions import version_key

IGNORE_EOS_IN_BODY_SINCE = "0.17.1"
"""vllm/benchmarks/serve.py: with random prompts 0.17.1 and 0.32.0 ignore the end of the sequence regardless of the
command line, unless the request body sets ignore_eos; 0.8.5.post1 has no option for the body, only --ignore-eos."""


def build_argv(measurement: Measurement) -> list[str]:
    """Return the command line of one measurement."""
    argv = ["vllm", "bench", "serve", "--base-url", measurement.url, "--endpoint", measurement.endpoint]
    argv += ["--model", measurement.model, "--tokenizer", measurement.tokenizer, "--dataset-name", "random"]
    argv += ["--random-input-len", str(measurement.input_len), "--random-output-len", str(measurement.output_len)]
    argv += ["--num-prompts", str(measurement.num_prompts), "--max-concurrency", str(measurement.concurrency)]
    argv += ["--seed", str(measurement.seed)]
    if measurement.ignore_eos:
        argv += ["--ignore-eos"]
    elif not measurement.version or version_key(measurement.version) >= version_key(IGNORE_EOS_IN_BODY_SINCE):
        argv += ["--extra-body", json.dumps({"ignore_eos": False})]
    argv += ["--percentile-metrics", "ttft,tpot,itl,e2el", "--metric-percentiles", "99"]
    return [*argv, "--save-result", "--result-dir", measurement.folder, "--result-filename", "result.json"]
