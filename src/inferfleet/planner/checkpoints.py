"""Select the checkpoint of a model and the data types that an engine supports on a fleet, with the reason."""

import difflib
import re

from inferfleet.catalog import Accelerator, Checkpoint, Model, Precision, load_models
from inferfleet.engines import Engine, load_engines
from inferfleet.messages import N_, Message
from inferfleet.planner.choose import EngineChoice, has_capability
from inferfleet.planner.fleet import Fleet
from inferfleet.planner.refusals import (
    DtypeUnsupported,
    NoCheckpoint,
    PrecisionUnsupported,
    Refusal,
    Remedy,
    UnknownName,
)
from inferfleet.planner.weights import checkpoint_bytes
from inferfleet.settings import Settings

LOSSLESS: tuple[Precision, ...] = ("fp8", "mxfp4", "bf16", "fp16", "fp32")
"""Precisions that the planner selects by itself; the others reduce accuracy, so they must be set explicitly."""
_DTYPES = {
    "half": "fp16",
    "float16": "fp16",
    "bfloat16": "bf16",
    "float": "fp32",
    "float32": "fp32",
}

_NEAR = 0.8  # least similarity of an id worth suggesting (difflib); owner and family alone reach less
_TYPO = 2  # characters: a replaced or moved letter counts twice
_WITH_DIGITS = re.compile(r"[a-z]*\d[a-z\d]*")

_ENGINE = {"engine_version": "", "engine_image": ""}
"""Settings that belong to one engine."""
_METHODS: dict[Precision, str] = {
    "fp8": "fp8",
    "int8": "compressed-tensors",
    "int4": "awq",
    "nvfp4": "modelopt_fp4",
}


def runs(engine: Engine, accelerator: Accelerator, checkpoint: Checkpoint) -> bool:
    """Return whether the engine supports a checkpoint of this precision and method on the accelerator."""
    minimum = engine.precisions.get(checkpoint.precision)
    if minimum is None or checkpoint.method not in engine.methods:
        return False
    if checkpoint.vendors and accelerator.vendor not in checkpoint.vendors:
        return False
    if checkpoint.precision in ("fp8", "nvfp4") and checkpoint.precision not in accelerator.dtypes:
        return False
    if checkpoint.precision == "bf16" and "bf16" not in accelerator.dtypes:
        return "fp16" in accelerator.dtypes  # cast while loading
    own = engine.method_capabilities.get(checkpoint.method, minimum)
    return has_capability(accelerator, minimum) and has_capability(accelerator, own)


def choose_checkpoints(
    settings: Settings, model: Model, choice: EngineChoice, fleet: Fleet, *, hypothetical: bool
) -> tuple[list[Checkpoint], list[Refusal]]:
    """Return the usable checkpoints, best first."""
    wanted, precision = settings.checkpoint, settings.precision
    offered = list(model.checkpoints)
    if wanted:
        offered = [c for c in offered if c.id == wanted]
        if not offered:
            models = _models_of_checkpoints()
            if other := models.get(wanted, ""):
                return [], [_checkpoint_of_another(settings, other)]
            nearest = nearest_checkpoint(wanted)
            if nearest and _is_typo(wanted, nearest):
                return [], [_misspelled(settings, nearest, models[nearest])]
            like = next((c for c in model.checkpoints if c.precision == precision), model.checkpoints[0])
            # The user's copy of it. On ModelScope too, only `wanted` may have its weights.
            offered = [like.model_copy(update={"id": wanted, "modelscope": like.modelscope and wanted})]
    if precision:
        same = [c for c in offered if c.precision == precision or {c.precision, precision} == {"bf16", "fp16"}]
        if not same and hypothetical:
            same = [_assumed(model, precision)]
        if not same:
            have = sorted({c.precision for c in (offered if wanted else model.checkpoints)})
            return [], [
                NoCheckpoint(
                    N_("Variable precision is {precision}, but {checkpoint} is published in {others} only."),
                    N_("Set precision to {other}.") if wanted else N_("Leave precision empty."),
                    {"precision": "" if not wanted else have[0]},
                    precision=precision,
                    checkpoint=wanted or model.title,
                    others=[*have],
                    other=have[0],
                )
            ]
        offered = same
    usable = [c for c in offered if runs(choice.engine, fleet.accelerator, c)]
    if not usable:
        return [], [_precision_problem(settings, offered[0], model, choice, fleet)]
    lossless = [c for c in usable if c.precision in LOSSLESS]
    return (usable if wanted or precision else lossless) or usable, []


def _models_of_checkpoints() -> dict[str, str]:
    """Return the model of each checkpoint in the catalog, by repository id."""
    return {checkpoint.id: name for name, model in load_models().items() for checkpoint in model.checkpoints}


def nearest_checkpoint(repository: str) -> str:
    """Return the id in the catalog that is spelled most like `repository`, case aside; empty if none is."""
    folded = {known.lower(): known for known in _models_of_checkpoints()}
    near = difflib.get_close_matches(repository.lower(), folded, n=1, cutoff=_NEAR)
    return folded[near[0]] if near else ""


def _is_typo(wanted: str, known: str) -> bool:
    """Return whether two ids differ in case, or in one letter that is missing, added, replaced or moved.

    Words with digits must agree: R1 and V3, 7B and 70B, BF16 and FP16, GLM-4.5 and GLM-4.5V are different checkpoints.
    """
    one, other = wanted.lower(), known.lower()
    if _WITH_DIGITS.findall(one) != _WITH_DIGITS.findall(other):
        return False
    blocks = difflib.SequenceMatcher(None, one, other).get_opcodes()
    return sum(end - start + last - first for tag, start, end, first, last in blocks if tag != "equal") <= _TYPO


def _misspelled(settings: Settings, nearest: str, model: str) -> UnknownName:
    same = model == settings.model
    return UnknownName(
        N_("Variable checkpoint is {checkpoint}, which is not in the catalog but is spelled almost like {nearest}."),
        N_("Set checkpoint to {nearest}.") if same else N_("Set model to {other} and checkpoint to {nearest}."),
        {"checkpoint": nearest} if same else {"model": model, "checkpoint": nearest},
        remedies=[Remedy(Message("", N_("Leave checkpoint empty.")), {"checkpoint": ""})],
        checkpoint=settings.checkpoint,
        nearest=nearest,
        other=model,
    )


def _checkpoint_of_another(settings: Settings, other: str) -> NoCheckpoint:
    return NoCheckpoint(
        N_("Variable checkpoint is {checkpoint}, which belongs to model {other}, but model is {model}."),
        N_("Set model to {other}."),
        {"model": other},
        remedies=[Remedy(Message("", N_("Leave checkpoint empty.")), {"checkpoint": ""})],
        checkpoint=settings.checkpoint,
        other=other,
        model=settings.model,
    )


def _assumed(model: Model, precision: Precision) -> Checkpoint:
    """Return a hypothetical checkpoint, which is not published, with computed sizes."""
    size = checkpoint_bytes(model.architecture, precision)
    own = model.checkpoints[0]
    return Checkpoint(
        id=f"{own.id}-{precision.upper()}",
        publisher="hypothetical",
        precision=precision,
        method=_METHODS.get(precision, ""),
        tensor_bytes=size,
        bytes=size,
    )


def _precision_problem(
    settings: Settings, checkpoint: Checkpoint, model: Model, choice: EngineChoice, fleet: Fleet
) -> PrecisionUnsupported:
    # `checkpoint` is the obstacle whichever variable selected it, so the remedy clears that variable.
    name = "checkpoint" if settings.checkpoint else "precision" if settings.precision else "model"
    value = getattr(settings, name)
    message = N_("Variable {key} is {value}, but {engine} does not support {weights} weights on {accelerator}.")
    method = checkpoint.method if checkpoint.method not in ("", checkpoint.precision) else ""
    parameters = {
        "key": name,
        "value": value,
        "weights": f"{checkpoint.precision} ({method})" if method else checkpoint.precision,
        "engine": f"{choice.name} {choice.version.version}",
        "accelerator": _with_capability(fleet),
    }
    remedies = [
        Remedy(Message("", N_("Set engine to {other}."), other=other), _ENGINE | {"engine": other})
        for other, engine in load_engines().items()
        if other != choice.name
        and name != "model"
        and engine.preference
        and runs(engine, fleet.accelerator, checkpoint)
    ]
    others = sorted(
        (c for c in model.checkpoints if runs(choice.engine, fleet.accelerator, c)),
        key=lambda c: c.precision not in LOSSLESS,
    )
    remedies += [
        Remedy(
            Message("", N_("Set checkpoint to {other} ({precision})."), other=other.id, precision=other.precision),
            {"checkpoint": other.id, "precision": ""},
        )
        for other in others
    ]
    if remedies:
        return PrecisionUnsupported(message, "", remedies=remedies, **parameters).offering(remedies)
    return PrecisionUnsupported(
        message,
        N_("Choose a distilled model: no checkpoint of {model} runs on this hardware."),
        model=model.title,
        **parameters,
    )


def _with_capability(fleet: Fleet) -> str | Message:
    """Return the accelerator's name, with its compute capability where it has one."""
    capability = fleet.accelerator.compute_capability
    if not capability:
        return fleet.name
    return Message("", N_("{name} (compute capability {capability})"), name=fleet.name, capability=capability)


def choose_dtype(settings: Settings, checkpoint: Checkpoint, fleet: Fleet) -> tuple[str, list[Refusal], Message | None]:
    """Return the data type of activations, the problems of the configured one, and the reason."""
    wanted = settings.dtype
    can = fleet.accelerator.dtypes
    if wanted == "auto":
        if "bf16" in can and checkpoint.precision != "fp16":
            return "bfloat16", [], Message("dtype", N_("bfloat16: the data type the model was trained with"))
        why = Message("dtype", N_("half: the data type of the checkpoint"))
        if "bf16" not in can:
            why = Message("dtype", N_("half: {accelerator} does not support bfloat16"), accelerator=fleet.name)
        return "half", [], why
    if _DTYPES[wanted] in can:
        return wanted, [], Message("dtype", N_("{dtype}: as configured"), dtype=wanted)
    return (
        wanted,
        [
            DtypeUnsupported(
                N_("Variable dtype is {dtype}, which {accelerator} does not support."),
                N_("Set dtype to half."),
                {"dtype": "half"},
                dtype=wanted,
                accelerator=_with_capability(fleet),
            )
        ],
        None,
    )


def can_cache_fp8(model: Model, accelerator: Accelerator) -> bool:
    """Return whether the KV cache may be FP8: for latent attention vLLM has kernels from compute capability 8.9 only.

    Source: vllm/v1/attention/backends/mla/triton_mla.py; the other backends need 9.0.
    """
    return not model.architecture.mla or has_capability(accelerator, "8.9")


def cache_problems(settings: Settings, model: Model, fleet: Fleet) -> list[Refusal]:
    """Return the problems of the KV cache's data type."""
    wanted = settings.kv_cache_dtype
    if model.architecture.compressed and wanted != "auto" and not wanted.startswith("fp8"):
        # vllm/models/deepseek_v4/attention.py, _resolve_dsv4_kv_cache_dtype: "only supports fp8 kv-cache"
        return [
            PrecisionUnsupported(
                N_("Variable kv_cache_dtype is {wanted}, but the KV cache of {model} is always in FP8."),
                N_("Set kv_cache_dtype to auto."),
                {"kv_cache_dtype": "auto"},
                wanted=wanted,
                model=model.title,
            )
        ]
    if not wanted.startswith("fp8") or can_cache_fp8(model, fleet.accelerator):
        return []
    return [
        PrecisionUnsupported(
            N_(
                "Variable kv_cache_dtype is {wanted}, but the latent attention (MLA) of {model} supports an FP8 KV"
                " cache only from compute capability 8.9, and {accelerator} has {capability}."
            ),
            N_("Set kv_cache_dtype to auto."),
            {"kv_cache_dtype": "auto"},
            wanted=wanted,
            model=model.title,
            accelerator=fleet.name,
            capability=fleet.accelerator.compute_capability,
        )
    ]
