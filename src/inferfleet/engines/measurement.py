"""What a benchmark client's command line is built from."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Measurement:
    """Requests of one shape at one concurrency; a builder only spells it in its client's words."""

    url: str  # of the service: http://10.0.0.1:8000
    endpoint: str  # path of the API: /v1/completions
    model: str  # as the service names it
    tokenizer: str  # folder that holds it
    folder: str  # the client writes result.json there
    input_len: int  # tokens of each prompt
    output_len: int  # tokens of each answer at most
    num_prompts: int
    concurrency: int  # requests in flight
    seed: int
    ignore_eos: bool  # whether every answer has all its tokens
    version: str = ""  # of the client; empty: not known
