"""Which engine, version, checkpoint and data type run on a fleet; and why."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from inferfleet.catalog import (
    Accelerator,
    Checkpoint,
    Engine,
    EngineVersion,
    Model,
    Precision,
    load_engines,
)
from inferfleet.planning.fleet import Fleet
from inferfleet.planning.plain import version_key
from inferfleet.planning.refusals import (
    DriverTooOld,
    DtypeUnsupported,
    EngineUnsupported,
    ExecutorUnsupported,
    NoCheckpoint,
    PrecisionUnsupported,
    Refusal,
    UnknownName,
)
from inferfleet.planning.weights import checkpoint_bytes

PREFERENCE = ("vllm", "vllm_vacc", "sglang", "lmdeploy", "tensorrt-llm", "gpustack")
"""Engines that `auto` tries, in this order."""
LOSSLESS: tuple[Precision, ...] = ("fp8", "bf16", "fp16", "fp32")
"""Precisions the planner takes on its own; int8 and int4 cost accuracy, so a user has to ask for them."""
_DTYPES = {
    "half": "fp16",
    "float16": "fp16",
    "bfloat16": "bf16",
    "float": "fp32",
    "float32": "fp32",
}

_METHODS: dict[Precision, str] = {"fp8": "fp8", "int8": "compressed-tensors", "int4": "awq"}


@dataclass(frozen=True)
class EngineChoice:
    """An engine with the version and image that run on the fleet."""

    name: str
    engine: Engine
    version: EngineVersion
    image: str
    reason: str
    known_image: bool = True
    """Whether the image is the catalog's, or by its tag of a version that the catalog has."""


def capability_of(fleet: Fleet) -> str:
    """Return the accelerator's compute capability in brackets, for people; empty where it has none."""
    capability = fleet.accelerator.compute_capability
    return f" (compute capability {capability})" if capability else ""


def has_capability(accelerator: Accelerator, minimum: str) -> bool:
    """Say whether the accelerator's compute capability suffices; only NVIDIA has one."""
    if accelerator.compute_capability is None:
        return True
    return version_key(accelerator.compute_capability) >= version_key(minimum)


def choose_engine(contract: Mapping[str, Any], model: Model, fleet: Fleet) -> tuple[EngineChoice | None, list[Refusal]]:
    """Return the engine that `engine` names, or the first of PREFERENCE that runs there."""
    wanted = str(contract["engine"])
    engines = load_engines()
    if wanted != "auto":
        return _choose_version(wanted, engines[wanted], contract, model, fleet)
    tried: list[Refusal] = []
    for name in PREFERENCE:
        choice, problems = _choose_version(name, engines[name], contract, model, fleet)
        if choice is not None:
            return choice, []
        tried += problems
    return None, tried[:1]


def _choose_version(
    name: str, engine: Engine, contract: Mapping[str, Any], model: Model, fleet: Fleet
) -> tuple[EngineChoice | None, list[Refusal]]:
    accelerator, architecture = fleet.accelerator, model.architecture.name
    vendor = accelerator.vendor
    if architecture not in engine.architectures:
        return None, [_other_engine(name, name, f"does not serve {architecture}", contract, model, fleet)]
    versions = [v for v in engine.versions if vendor in v.image]
    if not versions:
        return None, [
            _other_engine(name, name, f"has no image for {fleet.name} in the catalog", contract, model, fleet)
        ]
    if len(fleet.nodes) > 1 and not engine.multi_node:
        return None, [
            ExecutorUnsupported(
                f"Variable engine is {name}, which serves from one node only; the inventory has {len(fleet.nodes)}.",
                "Keep one host in ray_head and none in ray_worker.",
            )
        ]
    image = str(contract.get("engine_image") or "")
    pinned, problem = _pinned(name, engine, versions, contract, image)
    if problem:
        return None, [problem]
    kept = pinned or versions
    newest = kept[0]

    capable = [v for v in kept if _capable(engine, v, model, fleet)]
    if not capable:
        return None, [_too_old(name, newest, versions, contract, model, fleet, pinned=bool(pinned))]
    problems = _executor_problem(name, engine, capable, contract, fleet)
    if problems:
        return None, problems
    usable = [v for v in capable if _executes(engine, v, contract, fleet, image)]
    driven = [v for v in usable if _driver_suffices(fleet, v)]
    if not driven:
        return None, [_driver_problem(usable[0], versions, fleet, contract, pinned=bool(pinned))]
    version = driven[0]
    own = version.image_arm if fleet.architecture in ("aarch64", "arm64") else {}
    reason = f"{engine.title} {version.version}"
    if version is engine.versions[0]:
        reason += ": the catalog's newest"
    elif version not in (v for v in capable[:1]):
        reason += (
            ": newer images lack Ray" if not capable[0].ray and version.ray else ": newer ones need another driver"
        )
    elif version is not kept[0]:
        reason += f": the last that runs on compute capability {accelerator.compute_capability}"
    known = not image or any(version is v for v in _tagged(engine, image))
    return EngineChoice(name, engine, version, image or own.get(vendor, version.image[vendor]), reason, known), []


def _least(engine: Engine, version: EngineVersion, model: Model, fleet: Fleet) -> str:
    """Return the least compute capability for this model on so many nodes."""
    needed = [version.min_compute_capability]
    needed += [engine.architecture_capabilities.get(model.architecture.name, "0.0")]
    needed += [engine.multi_node_capability] if len(fleet.nodes) > 1 else []
    return max(needed, key=version_key)


def _capable(engine: Engine, version: EngineVersion, model: Model, fleet: Fleet) -> bool:
    return has_capability(fleet.accelerator, _least(engine, version, model, fleet))


def _pinned(
    name: str, engine: Engine, versions: Sequence[EngineVersion], contract: Mapping[str, Any], image: str
) -> tuple[list[EngineVersion], Refusal | None]:
    wanted = str(contract.get("engine_version") or "")
    if wanted:
        same = [v for v in versions if v.version == wanted]
        if same:
            return same, None
        offered = ", ".join(v.version for v in versions)
        return [], UnknownName(
            f"Variable engine_version is {wanted!r}, which the catalog does not have for {name}; it has {offered}.",
            f"Set engine_version to {versions[0].version}, or leave it empty.",
            {"engine_version": ""},
        )
    return _tagged(engine, image), None


def _tagged(engine: Engine, image: str) -> list[EngineVersion]:
    """Return the versions that an image's tag names."""
    tag = image.rpartition(":")[2].removeprefix("v")
    return [v for v in engine.versions if tag and (tag == v.version or tag.startswith(f"{v.version}-"))]


def executor_of(engine: Engine, contract: Mapping[str, Any]) -> str:
    """Return the executor asked for; where the engine brings its own, that one."""
    return contract["executor"] if contract["executor"] in engine.executors else engine.executors[0]


def _executes(engine: Engine, version: EngineVersion, contract: Mapping[str, Any], fleet: Fleet, image: str) -> bool:
    executor = executor_of(engine, contract)
    if len(fleet.nodes) > 1 and executor not in (version.executors or engine.executors):
        return False
    # An image of the user's own is taken to hold Ray; preflight looks.
    return executor != "ray" or version.ray or bool(image)


def _executor_problem(
    name: str, engine: Engine, versions: Sequence[EngineVersion], contract: Mapping[str, Any], fleet: Fleet
) -> list[Refusal]:
    image = str(contract.get("engine_image") or "")
    if any(_executes(engine, v, contract, fleet, image) for v in versions):
        return []
    executor, other = contract["executor"], "ray" if contract["executor"] == "mp" else "mp"
    why = (
        f"whose image {versions[0].image[fleet.accelerator.vendor]} holds no Ray"
        if executor == "ray"
        else "which cannot span nodes that way"
    )
    changed = {**contract, "executor": other}
    remedy, change = f"Set executor to {other}.", {"executor": other}
    if not any(_executes(engine, v, changed, fleet, image) for v in versions):
        remedy, change = "Leave engine_version and engine_image empty to have one chosen.", {"engine_version": ""}
    return [
        ExecutorUnsupported(
            f"Variable executor is {executor}, but the engine is {name} {versions[0].version}, {why}.", remedy, change
        )
    ]


def _driver_suffices(fleet: Fleet, version: EngineVersion) -> bool:
    if fleet.accelerator.vendor != "nvidia" or not fleet.driver or not version.min_driver:
        return True
    return version_key(fleet.driver) >= version_key(version.min_driver)


def _driver_problem(
    version: EngineVersion,
    versions: Sequence[EngineVersion],
    fleet: Fleet,
    contract: Mapping[str, Any],
    *,
    pinned: bool,
) -> DriverTooOld:
    works = [
        v
        for v in versions
        if pinned and _driver_suffices(fleet, v) and has_capability(fleet.accelerator, v.min_compute_capability)
    ]
    works = [v for v in works if contract["executor"] != "ray" or v.ray]
    remedy = (
        f"Install driver {version.min_driver} or newer on every node (nvidia_driver_install set to upgrade does that)"
    )
    change = {"engine_version": works[0].version, "engine_image": ""} if works else None
    remedy += f", or set engine_version to {works[0].version}." if works else "."
    image = contract.get("engine_image") or version.image[fleet.accelerator.vendor]
    return DriverTooOld(
        f"Image {image} holds CUDA {version.cuda}, which needs driver {version.min_driver}; the nodes have"
        f" {fleet.driver}.",
        remedy,
        change,
    )


def _too_old(
    name: str,
    version: EngineVersion,
    versions: Sequence[EngineVersion],
    contract: Mapping[str, Any],
    model: Model,
    fleet: Fleet,
    *,
    pinned: bool,
) -> Refusal:
    capability = fleet.accelerator.compute_capability
    engine = load_engines()[name]
    works = [v for v in versions if _capable(engine, v, model, fleet)]
    needs = f"needs compute capability {_least(engine, version, model, fleet)}, but {fleet.name} has {capability}"
    if version.min_compute_capability != _least(engine, version, model, fleet):
        where = (
            model.architecture.name if model.architecture.name in engine.architecture_capabilities else "several nodes"
        )
        needs = needs.replace(", but", f" for {where}, but")
    if pinned and works:
        image = works[0].image[fleet.accelerator.vendor]
        return EngineUnsupported(
            f"Variable engine is {name} {version.version}, which {needs}.",
            f"Set engine_version to {works[0].version} and leave engine_image empty: {image} is the last that runs"
            " there.",
            {"engine_version": works[0].version, "engine_image": ""},
        )
    return _other_engine(name, f"{name} {version.version}", needs, contract, model, fleet)


def _other_engine(
    refused: str, shown: str, why: str, contract: Mapping[str, Any], model: Model, fleet: Fleet
) -> EngineUnsupported:
    message = f"Variable engine is {shown}, which {why}."
    clean = {**contract, "engine_image": "", "engine_version": ""}
    for name in PREFERENCE:
        engine = load_engines()[name]
        if name == refused or model.architecture.name not in engine.architectures:
            continue
        fitting = [
            v
            for v in engine.versions
            if fleet.accelerator.vendor in v.image
            and _capable(engine, v, model, fleet)
            and _executes(engine, v, clean, fleet, "")
            and (engine.multi_node or len(fleet.nodes) == 1)
        ]
        if fitting:
            image = fitting[0].image[fleet.accelerator.vendor]
            pinned = [key for key in ("engine_image", "engine_version") if contract.get(key)]
            also = f" and leave {' and '.join(pinned)} empty" if pinned else ""
            return EngineUnsupported(
                message,
                f"Set engine to {name}{also}: {image} runs there.",
                {"engine": name, "engine_version": "", "engine_image": ""},
            )
    return EngineUnsupported(
        message, f"No engine of the catalog serves {model.title} on {fleet.name}; use another model."
    )


def runs(engine: Engine, accelerator: Accelerator, checkpoint: Checkpoint) -> bool:
    """Say whether the engine serves a checkpoint of this precision and method on the accelerator."""
    minimum = engine.precisions.get(checkpoint.precision)
    if minimum is None or checkpoint.method not in engine.methods:
        return False
    if checkpoint.precision == "fp8" and "fp8" not in accelerator.dtypes:
        return False
    if checkpoint.precision == "bf16" and "bf16" not in accelerator.dtypes:
        return "fp16" in accelerator.dtypes  # cast while loading
    return has_capability(accelerator, minimum)


def choose_checkpoints(
    contract: Mapping[str, Any], model: Model, choice: EngineChoice, fleet: Fleet
) -> tuple[list[Checkpoint], list[Refusal]]:
    """Return the checkpoints that may serve, best first."""
    wanted, precision = str(contract.get("checkpoint") or ""), str(contract.get("precision") or "")
    offered = list(model.checkpoints)
    if wanted:
        offered = [c for c in offered if c.id == wanted]
        if not offered:
            like = next((c for c in model.checkpoints if c.precision == precision), model.checkpoints[0])
            offered = [like.model_copy(update={"id": wanted})]  # a copy of the user's own
    if precision:
        same = [c for c in offered if c.precision == precision or {c.precision, precision} == {"bf16", "fp16"}]
        if not same and contract.get("imagined"):
            same = [_assumed(model, cast(Precision, precision))]
        if not same:
            have = sorted({c.precision for c in (offered if wanted else model.checkpoints)})
            return [], [
                NoCheckpoint(
                    f"Variable precision is {precision}, but {wanted or model.title} is published in"
                    f" {', '.join(have)} only.",
                    f"Set precision to {have[0]}, or leave it empty.",
                    {"precision": "" if not wanted else have[0]},
                )
            ]
        offered = same
    usable = [c for c in offered if runs(choice.engine, fleet.accelerator, c)]
    if not usable:
        return [], [_precision_problem(contract, offered[0], model, choice, fleet)]
    lossless = [c for c in usable if c.precision in LOSSLESS]
    return (usable if wanted or precision else lossless) or usable, []


def _assumed(model: Model, precision: Precision) -> Checkpoint:
    """Return a checkpoint that nobody has published, with the sizes it would have."""
    size = checkpoint_bytes(model.architecture, precision)
    own = model.checkpoints[0]
    return Checkpoint(
        id=f"{own.id}-{precision.upper()}",
        publisher="nobody",
        precision=precision,
        method=_METHODS.get(precision, ""),
        tensor_bytes=size,
        bytes=size,
    )


def _precision_problem(
    contract: Mapping[str, Any], checkpoint: Checkpoint, model: Model, choice: EngineChoice, fleet: Fleet
) -> PrecisionUnsupported:
    # `checkpoint` is in the way whichever variable named it, so the remedy clears that variable.
    name = "checkpoint" if contract.get("checkpoint") else "precision" if contract.get("precision") else "model"
    value = contract.get(name)
    message = (
        f"Variable {name} is {value}: {checkpoint.precision} weights"
        + (f" ({checkpoint.method})" if checkpoint.method not in ("", checkpoint.precision) else "")
        + f" are not computed by {choice.name} {choice.version.version} on {fleet.name}"
        + (
            f" (compute capability {fleet.accelerator.compute_capability})."
            if fleet.accelerator.compute_capability
            else "."
        )
    )
    others = sorted(
        (c for c in model.checkpoints if runs(choice.engine, fleet.accelerator, c)),
        key=lambda c: c.precision not in LOSSLESS,
    )
    if others:
        return PrecisionUnsupported(
            message,
            f"Set checkpoint to {others[0].id} ({others[0].precision}).",
            {"checkpoint": others[0].id, "precision": ""},
        )
    return PrecisionUnsupported(message, f"Choose a distill of the model; no checkpoint of {model.title} runs there.")


def choose_dtype(contract: Mapping[str, Any], checkpoint: Checkpoint, fleet: Fleet) -> tuple[str, list[Refusal], str]:
    """Return the data type of activations, what speaks against the one asked for, and the reason."""
    wanted = str(contract.get("dtype") or "auto")
    can = fleet.accelerator.dtypes
    if wanted == "auto":
        if "bf16" in can and checkpoint.precision != "fp16":
            return "bfloat16", [], "bfloat16: what the model was trained in"
        return (
            "half",
            [],
            f"half: {fleet.name} does not compute bfloat16" if "bf16" not in can else "half: the checkpoint's",
        )
    if _DTYPES[wanted] in can:
        return wanted, [], f"{wanted}: as asked for"
    return (
        wanted,
        [
            DtypeUnsupported(
                f"Variable dtype is {wanted}, which {fleet.name}"
                + (
                    f" (compute capability {fleet.accelerator.compute_capability})"
                    if fleet.accelerator.compute_capability
                    else ""
                )
                + " does not compute.",
                "Set dtype to half.",
                {"dtype": "half"},
            )
        ],
        "",
    )


def can_cache_fp8(model: Model, accelerator: Accelerator) -> bool:
    """Say whether the KV cache may be FP8: for latent attention vLLM has kernels from capability 8.9 on only.

    Source: vllm/v1/attention/backends/mla/triton_mla.py; the other backends need 9.0.
    """
    return not model.architecture.mla or has_capability(accelerator, "8.9")


def cache_problems(contract: Mapping[str, Any], model: Model, fleet: Fleet) -> list[Refusal]:
    """Return what speaks against the KV cache's data type."""
    wanted = str(contract["kv_cache_dtype"])
    if not wanted.startswith("fp8") or can_cache_fp8(model, fleet.accelerator):
        return []
    return [
        PrecisionUnsupported(
            f"Variable kv_cache_dtype is {wanted}, but {model.title}'s latent attention computes from an FP8 cache"
            f" only at compute capability 8.9 and above, and {fleet.name} has {fleet.accelerator.compute_capability}.",
            "Set kv_cache_dtype to auto.",
            {"kv_cache_dtype": "auto"},
        )
    ]
