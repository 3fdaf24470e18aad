"""Which engine, and which version of it, runs on a fleet; and why."""

from collections.abc import Sequence
from dataclasses import dataclass

from inferfleet.catalog import Accelerator, Model
from inferfleet.engines import Engine, EngineVersion, load_engines
from inferfleet.planner.fleet import Fleet
from inferfleet.planner.plain import version_key
from inferfleet.planner.refusals import (
    DriverTooOld,
    EngineUnsupported,
    ExecutorUnsupported,
    Refusal,
    UnknownName,
)
from inferfleet.settings import Settings


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


def has_capability(accelerator: Accelerator, minimum: str) -> bool:
    """Say whether the accelerator's compute capability suffices; only NVIDIA has one."""
    if accelerator.compute_capability is None:
        return True
    return version_key(accelerator.compute_capability) >= version_key(minimum)


def choose_engine(settings: Settings, model: Model, fleet: Fleet) -> tuple[EngineChoice | None, list[Refusal]]:
    """Return the engine that `engine` names, or the first that `auto` tries and that runs there."""
    wanted = settings.engine
    if wanted != "auto":
        return _choose_version(wanted, load_engines()[wanted], settings, model, fleet)
    tried: list[Refusal] = []
    for name, engine in _preferred().items():
        choice, problems = _choose_version(name, engine, settings, model, fleet)
        if choice is not None:
            return choice, []
        tried += problems
    return None, tried[:1]


def _preferred() -> dict[str, Engine]:
    """Return the engines that `auto` tries, in their order."""
    return {name: engine for name, engine in load_engines().items() if engine.preference}


def _choose_version(
    name: str, engine: Engine, settings: Settings, model: Model, fleet: Fleet
) -> tuple[EngineChoice | None, list[Refusal]]:
    accelerator, architecture = fleet.accelerator, model.architecture.name
    vendor = accelerator.vendor
    if architecture not in engine.architectures:
        return None, [_other_engine(name, name, f"does not serve {architecture}", settings, model, fleet)]
    versions = [v for v in engine.versions if vendor in v.image]
    if not versions:
        return None, [
            _other_engine(name, name, f"has no image for {fleet.name} in the catalog", settings, model, fleet)
        ]
    if len(fleet.nodes) > 1 and not engine.multi_node:
        return None, [
            ExecutorUnsupported(
                f"Variable engine is {name}, which serves from one node only; the inventory has {len(fleet.nodes)}.",
                "Keep one host in ray_head and none in ray_worker.",
            )
        ]
    image = settings.engine_image
    pinned, problem = _pinned(name, engine, versions, settings, image)
    if problem:
        return None, [problem]
    kept = pinned or versions
    newest = kept[0]

    capable = [v for v in kept if _capable(engine, v, model, fleet)]
    if not capable:
        return None, [_too_old(name, newest, versions, settings, model, fleet, pinned=bool(pinned))]
    problems = _executor_problem(name, engine, capable, settings, fleet)
    if problems:
        return None, problems
    usable = [v for v in capable if _executes(engine, v, settings, fleet, image)]
    driven = [v for v in usable if _driver_suffices(fleet, v)]
    if not driven:
        return None, [_driver_problem(usable[0], versions, fleet, settings, pinned=bool(pinned))]
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
    name: str, engine: Engine, versions: Sequence[EngineVersion], settings: Settings, image: str
) -> tuple[list[EngineVersion], Refusal | None]:
    wanted = settings.engine_version
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


def executor_of(engine: Engine, settings: Settings) -> str:
    """Return the executor asked for; where the engine brings its own, that one."""
    return settings.executor if settings.executor in engine.executors else engine.executors[0]


def _executes(engine: Engine, version: EngineVersion, settings: Settings, fleet: Fleet, image: str) -> bool:
    executor = executor_of(engine, settings)
    if len(fleet.nodes) > 1 and executor not in (version.executors or engine.executors):
        return False
    # An image of the user's own is taken to hold Ray; preflight looks.
    return executor != "ray" or version.ray or bool(image)


def _executor_problem(
    name: str, engine: Engine, versions: Sequence[EngineVersion], settings: Settings, fleet: Fleet
) -> list[Refusal]:
    image = settings.engine_image
    if any(_executes(engine, v, settings, fleet, image) for v in versions):
        return []
    executor, other = settings.executor, "ray" if settings.executor == "mp" else "mp"
    why = (
        f"whose image {versions[0].image[fleet.accelerator.vendor]} holds no Ray"
        if executor == "ray"
        else "which cannot span nodes that way"
    )
    changed = settings.model_copy(update={"executor": other})
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
    settings: Settings,
    *,
    pinned: bool,
) -> DriverTooOld:
    works = [
        v
        for v in versions
        if pinned and _driver_suffices(fleet, v) and has_capability(fleet.accelerator, v.min_compute_capability)
    ]
    works = [v for v in works if settings.executor != "ray" or v.ray]
    remedy = (
        f"Install driver {version.min_driver} or newer on every node (nvidia_driver_install set to upgrade does that)"
    )
    change = {"engine_version": works[0].version, "engine_image": ""} if works else None
    remedy += f", or set engine_version to {works[0].version}." if works else "."
    image = settings.engine_image or version.image[fleet.accelerator.vendor]
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
    settings: Settings,
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
    return _other_engine(name, f"{name} {version.version}", needs, settings, model, fleet)


def _other_engine(
    refused: str, shown: str, why: str, settings: Settings, model: Model, fleet: Fleet
) -> EngineUnsupported:
    message = f"Variable engine is {shown}, which {why}."
    clean = settings.model_copy(update={"engine_image": "", "engine_version": ""})
    for name, engine in _preferred().items():
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
            pinned = [key for key in ("engine_image", "engine_version") if getattr(settings, key)]
            also = f" and leave {' and '.join(pinned)} empty" if pinned else ""
            return EngineUnsupported(
                message,
                f"Set engine to {name}{also}: {image} runs there.",
                {"engine": name, "engine_version": "", "engine_image": ""},
            )
    return EngineUnsupported(
        message, f"No engine of the catalog serves {model.title} on {fleet.name}; use another model."
    )
