"""What to measure: from what was settings, the catalog's preset and the plan to command lines."""

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
    """The role's variables; None or empty takes the preset's."""

    preset: str
    concurrency: tuple[int, ...] = ()
    input_len: int | None = None
    output_len: int | None = None
    num_prompts: int | None = None
    ignore_eos: bool = True


@dataclass(frozen=True, slots=True)
class Planned:
    """The sweep, what speaks against it, and what the user should know; the sweep is None where it was refused."""

    sweep: Sweep | None
    problems: list[Problem] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)


def plan_sweep(settings: SweepSettings, plan: Mapping[str, Any], seed: int) -> Planned:
    """Return what to measure of the service that `plan` describes."""
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


def measurement_at(sweep: Sweep, concurrency: int, **service: str) -> Measurement:
    """Return the sweep's measurement at one concurrency; `service` are the fields that say where to send it."""
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
    """Return the seed of one measurement: prompts of its own, so that the prefix cache answers none of them."""
    return sweep.seed + concurrency


def _prompts(preset: Preset, concurrency: int) -> int:
    return max(preset.prompts_at(concurrency), concurrency)


def _bad_numbers(settings: SweepSettings) -> list[Problem]:
    given = {"input_len": settings.input_len, "output_len": settings.output_len, "num_prompts": settings.num_prompts}
    bad = [(name, value) for name, value in given.items() if value is not None and value < 1]
    bad += [("concurrency", value) for value in settings.concurrency if value < 1]
    return [
        Problem("bad-value", N_("Variable {key} is {value}, less than 1."), N_("Set {key} to 1 or more."), **given)
        for given in ({"key": f"bench_{name}", "value": value} for name, value in bad)
    ]


def _too_long(settings: SweepSettings, sweep: Sweep, plan: Mapping[str, Any]) -> list[Problem]:
    """Refuse requests that the engine would: prompt and answer share the context."""
    limit, total = int(plan["max_model_len"]), sweep.input_len + sweep.output_len
    if not limit or total <= limit:
        return []
    message = N_(
        "Variables bench_input_len {input_len} and bench_output_len {output_len} (preset {preset}) make {total} tokens"
        " a request; the engine serves max_model_len {limit}."
    )
    if settings.input_len and settings.output_len:
        message = N_(
            "Variables bench_input_len {input_len} and bench_output_len {output_len} make {total} tokens a request; the"
            " engine serves max_model_len {limit}."
        )
    return [
        Problem(
            "too-long",
            message,
            N_("Give less, together at most {limit}, choose a smaller preset, or deploy with a larger max_model_len."),
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
            N_("Set bench_num_prompts to {concurrency} or more, or leave {concurrency} out of bench_concurrency."),
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
                "Concurrency {concurrency} is more than the engine's max_num_seqs {limit}: the rest waits, and its"
                " waiting counts as time to first token."
            ),
            N_("Measure up to max_num_seqs, or deploy with a larger one."),
            concurrency=over,
            limit=limit,
        )
    ]
