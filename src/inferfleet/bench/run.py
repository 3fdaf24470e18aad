"""One run of the benchmark, in the form of `bench.json`."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field, NonNegativeFloat, NonNegativeInt, PositiveInt

FILE = "bench.json"
SCHEMA = 1


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Latency(_Part):
    """One latency over all successful requests, in milliseconds."""

    mean: NonNegativeFloat
    median: NonNegativeFloat
    p99: NonNegativeFloat


class Measurement(_Part):
    """The measurement at one concurrency."""

    concurrency: PositiveInt  # requests in flight
    num_prompts: PositiveInt  # total requests
    seed: NonNegativeInt  # of the random prompts
    ended: str  # UTC, ISO 8601
    duration: NonNegativeFloat  # s
    completed: NonNegativeInt  # requests
    failed: NonNegativeInt  # requests
    errors: tuple[str, ...] = ()  # errors of the first failed requests
    total_input_tokens: NonNegativeInt
    total_output_tokens: NonNegativeInt
    request_throughput: NonNegativeFloat  # requests a second
    output_throughput: NonNegativeFloat  # output tokens a second
    total_token_throughput: NonNegativeFloat  # input and output tokens a second
    ttft_ms: Latency  # time to first token
    tpot_ms: Latency  # time per output token, without the first
    itl_ms: Latency  # inter-token latency: between two that arrive
    e2el_ms: Latency  # end to end: from the request to the last token


class Sweep(_Part):
    """The workload: the same requests at several concurrencies."""

    preset: str
    input_len: PositiveInt  # tokens
    output_len: PositiveInt  # tokens
    ignore_eos: bool  # whether every answer is of exactly output_len
    concurrency: tuple[PositiveInt, ...]
    num_prompts: tuple[PositiveInt, ...]  # requests at each concurrency
    seed: NonNegativeInt  # the concurrency is added, so that no prompt is repeated

    def prompts_at(self, concurrency: int) -> int:
        """Return the requests of one measurement."""
        return self.num_prompts[self.concurrency.index(concurrency)]


class Run(BaseModel):
    """One run: the workload, the service and its nodes, and the measurements."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    schema_version: int = Field(default=SCHEMA, alias="schema", ge=SCHEMA, le=SCHEMA)
    name: str = ""
    started: str  # UTC, ISO 8601
    ended: str = ""  # empty: interrupted
    sweep: Sweep
    measurements: tuple[Measurement, ...] = ()
    plan: dict[str, Any]
    versions: dict[str, str]  # inferfleet, engine, engine_version, image, image_digest, bench_image, bench_image_digest
    nodes: dict[str, dict[str, Any]]  # facts of each serving node

    @property
    def missing(self) -> tuple[int, ...]:
        """Return the concurrencies that were not measured."""
        done = {measurement.concurrency for measurement in self.measurements}
        return tuple(concurrency for concurrency in self.sweep.concurrency if concurrency not in done)

    @property
    def model(self) -> str:
        """Return the name that the model is served under."""
        return str(self.plan.get("served_model_name", ""))

    def measured(self, measurement: Measurement) -> "Run":
        """Return the run with one more measurement, in the order of their concurrency."""
        kept = [other for other in self.measurements if other.concurrency != measurement.concurrency]
        ordered = sorted([*kept, measurement], key=lambda item: item.concurrency)
        return self.model_copy(update={"measurements": tuple(ordered)})

    def as_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return self.model_dump(mode="json", by_alias=True)
