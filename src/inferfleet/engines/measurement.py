"""Input of the benchmark command line builders."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Measurement:
    """Requests of fixed lengths at one concurrency; a builder converts them to the options of its client."""

    url: str  # base URL of the service: http://10.0.0.1:8000
    endpoint: str  # path of the API: /v1/completions
    model: str  # served model name
    tokenizer: str  # folder with the tokenizer
    folder: str  # the client writes result.json there
    input_len: int  # tokens of each prompt
    output_len: int  # tokens of each answer at most
    num_prompts: int
    concurrency: int  # requests in flight
    seed: int
    ignore_eos: bool  # whether every answer has exactly output_len tokens
    version: str = ""  # version of the client; empty: not known
