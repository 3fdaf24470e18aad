"""Plan a sweep from settings, preset and plan, and build its command lines."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from inferfleet.bench.presets import Preset, load_presets
from inferfleet.bench.run import Sweep
from inferfleet.catalog import UnknownNameError
from inferfleet.catalog.loader import pick
from inferfleet.engines.measurement import Measurement
from inferfleet.messages import N_, Problem


@dataclass(frozen=True, slots=True)
class SweepSettings:
    """Variables of the role; None or empty: the value of the preset."""

    preset: str
    concurrency: tuple[int, ...] = ()
    input_len: int | None = None
    output_len: int | None = None
    num_prompts: int | None = None
    ignore_eos: bool = True


@dataclass(frozen=True, slots=True)
class Planned:
    """The sweep, its problems and warnings; the sweep is None if there are problems."""

    sweep: Sweep | None
    problems: list[Problem] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)


def plan_sweep(settings: SweepSettings, plan: Mapping[str, Any], seed: int) -> Planned:
    """Return the sweep for the service that `plan` describes."""
    try:
        preset = pick("bench_preset", settings.preset, load_presets())
    except UnknownNameError as error:
        unknown = error.problem
        problem = Problem("unknown-preset", unknown.template, unknown.remedy_template, **unknown.parameters)
        return Planned(None, [problem])
    concurrency = settings.concurrency or preset.concurrency
    problems = _bad_numbers(settings)
    if problems:
        return Planned(None, problems)
    sweep = Sweep(
        preset=settings.preset,
        input_len=settings.input_len or preset.input_len,
        output_len=settings.output_len or preset.output_len,
        ignore_eos=settings.ignore_eos,
        concurrency=tuple(sorted(set(concurrency))),
        num_prompts=tuple(settings.num_prompts or _prompts(preset, c) for c in sorted(set(concurrency))),
        seed=seed,
    )
    problems = [*_too_long(settings, sweep, plan), *_too_few(settings, sweep)]
    return Planned(None if problems else sweep, problems, [] if problems else _warnings(sweep, plan))


def repeat_sweep(sweep: Sweep, plan: Mapping[str, Any], seed: int) -> Planned:
    """Return an earlier sweep with other prompts, for the service that `plan` describes."""
    repeated = sweep.model_copy(update={"seed": seed})
    problems = _too_long(SweepSettings(preset=sweep.preset), repeated, plan)
    return Planned(None if problems else repeated, problems, [] if problems else _warnings(repeated, plan))


def measurement_at(sweep: Sweep, concurrency: int, **service: str) -> Measurement:
    """Return the sweep's measurement at one concurrency; `service` are the fields that locate it."""
    return Measurement(
        **service,
        input_len=sweep.input_len,
        output_len=sweep.output_len,
        num_prompts=sweep.prompts_at(concurrency),
        concurrency=concurrency,
        seed=seed_at(sweep, concurrency),
        ignore_eos=sweep.ignore_eos,
    )


def seed_at(sweep: Sweep, concurrency: int) -> int:
    """Return the seed of one measurement: each has different prompts, so that the prefix cache has no hits."""
    return sweep.seed + concurrency


def _prompts(preset: Preset, concurrency: int) -> int:
    return max(preset.prompts_at(concurrency), concurrency)


def _bad_numbers(settings: SweepSettings) -> list[Problem]:
    given = {"input_len": settings.input_len, "output_len": settings.output_len, "num_prompts": settings.num_prompts}
    bad = [(name, value) for name, value in given.items() if value is not None and value < 1]
    bad += [("concurrency", value) for value in settings.concurrency if value < 1]
    return [
        Problem(
            "bad-value",
            N_("Variable {key} is {value}, but must be at least 1."),
            N_("Set {key} to 1 or more."),
            **given,
        )
        for given in ({"key": f"bench_{name}", "value": value} for name, value in bad)
    ]


def _too_long(settings: SweepSettings, sweep: Sweep, plan: Mapping[str, Any]) -> list[Problem]:
    """Refuse requests that exceed the context, which prompt and answer share."""
    limit, total = int(plan["max_model_len"]), sweep.input_len + sweep.output_len
    if not limit or total <= limit:
        return []
    message = N_(
        "Variables bench_input_len {input_len} and bench_output_len {output_len} (preset {preset}) add up to"
        " {total} tokens per request, but max_model_len of the engine is {limit}."
    )
    if settings.input_len and settings.output_len:
        message = N_(
            "Variables bench_input_len {input_len} and bench_output_len {output_len} add up to {total} tokens per"
            " request, but max_model_len of the engine is {limit}."
        )
    return [
        Problem(
            "too-long",
            message,
            N_(
                "Reduce them to at most {limit} in total, choose a smaller preset, or deploy with a larger"
                " max_model_len."
            ),
            input_len=sweep.input_len,
            output_len=sweep.output_len,
            preset=sweep.preset,
            total=total,
            limit=limit,
        )
    ]


def _too_few(settings: SweepSettings, sweep: Sweep) -> list[Problem]:
    """Refuse a concurrency that is never reached."""
    most = max(sweep.concurrency)
    if settings.num_prompts is None or settings.num_prompts >= most:
        return []
    return [
        Problem(
            "too-few-prompts",
            N_("Variable bench_num_prompts is {value}, so that concurrency {concurrency} is never reached."),
            N_("Set bench_num_prompts to {concurrency} or more, or remove {concurrency} from bench_concurrency."),
            value=settings.num_prompts,
            concurrency=most,
        )
    ]


def _warnings(sweep: Sweep, plan: Mapping[str, Any]) -> list[Problem]:
    limit = int(plan["max_num_seqs"])
    over = [c for c in sweep.concurrency if limit and c > limit * int(plan["data_parallel_size"])]
    if not over:
        return []
    return [
        Problem(
            "queues",
            N_(
                "Concurrency {concurrency} exceeds the engine's max_num_seqs {limit}: excess requests are queued,"
                " and the queueing time counts toward TTFT."
            ),
            N_("Measure concurrencies up to max_num_seqs, or deploy with a larger one."),
            concurrency=over,
            limit=limit,
        )
    ]
