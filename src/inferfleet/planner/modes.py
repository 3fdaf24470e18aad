"""Modes that a vendor documents: fixed sizes and limits, chosen by one variable."""

from collections.abc import Mapping
from typing import Any

from inferfleet.engines import Mode
from inferfleet.planner.choose import EngineChoice, executor_of
from inferfleet.planner.refusals import Refusal, UnknownName, VendorLimit
from inferfleet.settings import Settings


def choose_mode(settings: Settings, choice: EngineChoice) -> tuple[Mode | None, list[Refusal]]:
    """Return the vendor's mode, where the engine has such, and which settings leave its limits."""
    wanted, modes = settings.engine_mode, choice.engine.modes
    if not modes:
        if wanted:
            return None, [
                UnknownName(
                    f"Variable engine_mode is {wanted!r}, but engine {choice.name} has no modes.",
                    "Leave engine_mode empty.",
                    {"engine_mode": ""},
                )
            ]
        return None, []
    if wanted and wanted not in modes:
        return None, [
            UnknownName(
                f"Variable engine_mode is {wanted!r}, which engine {choice.name} does not have.",
                f"Set engine_mode to one of {', '.join(modes)}.",
                {"engine_mode": next(iter(modes))},
            )
        ]
    name = wanted or next(iter(modes))
    return modes[name], _vendor_limits(settings, name, modes)


def _vendor_limits(settings: Settings, name: str, modes: Mapping[str, Mode]) -> list[Refusal]:
    mode = modes[name]
    problems: list[Refusal] = []
    for key in ("tensor_parallel_size", "pipeline_parallel_size"):
        fixed, value = getattr(mode, key), getattr(settings, key)
        if value not in (0, fixed):
            problems.append(
                VendorLimit(
                    f"Variable {key} is {value}, but the vendor's mode {name} works with {fixed} only.",
                    f"Set {key} to {fixed}, or to 0.",
                    {key: 0},
                )
            )
    for key in ("max_model_len", "max_num_seqs"):
        most, value = getattr(mode, key), getattr(settings, key)
        if value > most:
            wider = [n for n, m in modes.items() if getattr(m, key) >= value]
            problems.append(
                VendorLimit(
                    f"Variable {key} is {value}, but the vendor's mode {name} allows at most {most}.",
                    f"Set engine_mode to {wider[0]}." if wider else f"Set {key} to {most}.",
                    {"engine_mode": wider[0]} if wider else {key: most},
                )
            )
    if settings.num_speculative_tokens > mode.num_speculative_tokens:
        other = next((n for n, m in modes.items() if m.num_speculative_tokens >= settings.num_speculative_tokens), "")
        allowed = "no multi-token prediction" if not mode.num_speculative_tokens else f"{mode.num_speculative_tokens}"
        problems.append(
            VendorLimit(
                f"Variable num_speculative_tokens is {settings.num_speculative_tokens}, but the vendor's mode {name}"
                f" allows {allowed}.",
                f"Set engine_mode to {other}." if other else "Set num_speculative_tokens to 0.",
                {"engine_mode": other} if other else {"num_speculative_tokens": 0},
            )
        )
    return problems


def with_mode(settings: Settings, choice: EngineChoice, mode: Mode | None) -> Settings:
    """Return the settings with what engine and mode fix."""
    fixed: dict[str, Any] = {
        "engine_port": settings.engine_port or choice.engine.port,
        "executor": executor_of(choice.engine, settings),
    }
    if mode:
        for key in ("tensor_parallel_size", "pipeline_parallel_size"):
            fixed[key] = getattr(mode, key)
        for key in ("max_model_len", "max_num_seqs"):
            fixed[key] = getattr(settings, key) or getattr(mode, key)
        fixed["num_speculative_tokens"] = mode.num_speculative_tokens
        fixed["enforce_eager"] = True
    return settings.model_copy(update=fixed)
