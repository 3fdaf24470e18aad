"""Modes documented by a vendor: fixed sizes and limits, selected with `engine_mode`."""

from collections.abc import Mapping
from typing import Any

from inferfleet.engines import Mode
from inferfleet.messages import N_, Message
from inferfleet.planner.choose import EngineChoice
from inferfleet.planner.refusals import Refusal, UnknownName, VendorLimit
from inferfleet.settings import Settings


def choose_mode(settings: Settings, choice: EngineChoice) -> tuple[Mode | None, list[Refusal]]:
    """Return the vendor's mode, if the engine has modes, and the problems of settings outside its limits."""
    wanted, modes = settings.engine_mode, choice.engine.modes
    if not modes:
        if wanted:
            return None, [
                UnknownName(
                    N_("Variable engine_mode is {wanted!r}, but engine {engine} has no modes."),
                    N_("Leave engine_mode empty."),
                    {"engine_mode": ""},
                    wanted=wanted,
                    engine=choice.name,
                )
            ]
        return None, []
    if wanted and wanted not in modes:
        return None, [
            UnknownName(
                N_("Variable engine_mode is {wanted!r}, which engine {engine} does not have."),
                N_("Set engine_mode to one of {modes}."),
                {"engine_mode": next(iter(modes))},
                wanted=wanted,
                engine=choice.name,
                modes=[*modes],
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
                    N_("Variable {key} is {value}, but the vendor's mode {name} supports only {fixed}."),
                    N_("Set {key} to {fixed}, or to 0."),
                    {key: 0},
                    key=key,
                    value=value,
                    name=name,
                    fixed=fixed,
                )
            )
    for key in ("max_model_len", "max_num_seqs"):
        most, value = getattr(mode, key), getattr(settings, key)
        if value > most:
            wider = [n for n, m in modes.items() if getattr(m, key) >= value]
            problems.append(
                VendorLimit(
                    N_("Variable {key} is {value}, but the vendor's mode {name} allows at most {most}."),
                    N_("Set engine_mode to {mode}.") if wider else N_("Set {key} to {most}."),
                    {"engine_mode": wider[0]} if wider else {key: most},
                    key=key,
                    value=value,
                    name=name,
                    most=most,
                    mode=wider[0] if wider else "",
                )
            )
    if settings.num_speculative_tokens > mode.num_speculative_tokens:
        other = next((n for n, m in modes.items() if m.num_speculative_tokens >= settings.num_speculative_tokens), "")
        allowed = mode.num_speculative_tokens or Message("", N_("no multi-token prediction"))
        problems.append(
            VendorLimit(
                N_("Variable num_speculative_tokens is {tokens}, but the vendor's mode {name} allows {allowed}."),
                N_("Set engine_mode to {mode}.") if other else N_("Set num_speculative_tokens to 0."),
                {"engine_mode": other} if other else {"num_speculative_tokens": 0},
                tokens=settings.num_speculative_tokens,
                name=name,
                allowed=allowed,
                mode=other,
            )
        )
    return problems


def with_mode(settings: Settings, choice: EngineChoice, mode: Mode | None) -> Settings:
    """Return the settings with the values that engine and mode fix."""
    fixed: dict[str, Any] = {
        "engine_port": settings.engine_port or choice.engine.port,
        "executor": choice.executor,
    }
    if mode:
        for key in ("tensor_parallel_size", "pipeline_parallel_size"):
            fixed[key] = getattr(mode, key)
        for key in ("max_model_len", "max_num_seqs"):
            fixed[key] = getattr(settings, key) or getattr(mode, key)
        fixed["num_speculative_tokens"] = mode.num_speculative_tokens
        fixed["enforce_eager"] = True
    return settings.model_copy(update=fixed)
