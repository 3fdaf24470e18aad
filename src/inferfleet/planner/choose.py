"""Select the engine, and its version, for a fleet, with the reason."""

from collections.abc import Sequence
from dataclasses import dataclass

from inferfleet.catalog import Accelerator, Model
from inferfleet.engines import Engine, EngineVersion, load_engines
from inferfleet.engines.schema import Executor
from inferfleet.messages import N_, Message
from inferfleet.planner.community import COMMUNITY, community_problem
from inferfleet.planner.cuda import DISABLE_REQUIRE, driver_fit, usable_drivers
from inferfleet.planner.executors import executor_of, executors_of
from inferfleet.planner.fleet import Fleet
from inferfleet.planner.refusals import (
    DriverTooOld,
    EngineUnsupported,
    ExecutorUnsupported,
    Refusal,
    Remedy,
    UnknownName,
)
from inferfleet.settings import Settings
from inferfleet.versions import version_key


@dataclass(frozen=True)
class EngineChoice:
    """An engine with the version and image that run on the fleet."""

    name: str
    engine: Engine
    version: EngineVersion
    image: str
    executor: Executor
    reason: Message
    known_image: bool = True
    """Whether the image is in the catalog, or its tag names a version in the catalog."""


def has_capability(accelerator: Accelerator, minimum: str) -> bool:
    """Return whether the accelerator's compute capability suffices; only NVIDIA accelerators have one."""
    if accelerator.compute_capability is None:
        return True
    return version_key(accelerator.compute_capability) >= version_key(minimum)


def serves(engine: Engine, model: Model) -> bool:
    """Return whether the engine supports the model's architecture; true for one that the planner does not know."""
    return model.architecture.assumed is not None or model.architecture.name in engine.architectures


def image_of(version: EngineVersion, fleet: Fleet) -> str:
    """Return the image of an engine version for the fleet's accelerators; empty if there is none."""
    return version.image_of(fleet.name, fleet.accelerator.vendor)


def choose_engine(settings: Settings, model: Model, fleet: Fleet) -> tuple[EngineChoice | None, list[Refusal]]:
    """Return the engine that `engine` names, or for `auto` the first engine that supports the fleet."""
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
    """Return the engines that `auto` tries, in order of preference."""
    return {name: engine for name, engine in load_engines().items() if engine.preference}


def _choose_version(
    name: str, engine: Engine, settings: Settings, model: Model, fleet: Fleet
) -> tuple[EngineChoice | None, list[Refusal]]:
    accelerator, architecture = fleet.accelerator, model.architecture.name
    vendor = accelerator.vendor
    if not serves(engine, model):
        return None, [
            _other_engine(
                name,
                name,
                Message("", N_("does not support {architecture}"), architecture=architecture),
                settings,
                model,
                fleet,
            )
        ]
    if problem := community_problem(name, engine, settings, fleet):
        return None, [problem]
    versions = [v for v in engine.versions if image_of(v, fleet) or vendor == COMMUNITY]
    if not versions or vendor not in engine.vendors:
        return None, [
            _other_engine(
                name,
                name,
                Message("", N_("has no image for {accelerator} in the catalog"), accelerator=fleet.name),
                settings,
                model,
                fleet,
            )
        ]
    if len(fleet.nodes) > 1 and not engine.multi_node:
        return None, [
            ExecutorUnsupported(
                N_(
                    "Variable engine is {name}, which supports a single node only, but the inventory has {nodes} nodes."
                ),
                N_("Keep one host in ray_head and none in ray_worker."),
                {"nodes": 1},
                name=name,
                nodes=len(fleet.nodes),
            )
        ]
    image = settings.engine_image
    pinned, problem = _pinned(name, engine, versions, settings, image)
    if problem:
        return None, [problem]
    kept = [v for v in pinned or versions if architecture not in v.lacks]
    if not kept:
        return None, [_too_old_for_model(name, (pinned or versions)[0], versions, settings, model, fleet)]
    versions = [v for v in versions if architecture not in v.lacks]
    newest = kept[0]

    capable = [v for v in kept if _capable(engine, v, model, fleet)]
    if not capable:
        return None, [_too_old(name, newest, versions, settings, model, fleet, pinned=bool(pinned))]
    problems = _executor_problem(name, engine, capable, settings, fleet)
    if problems:
        return None, problems
    usable = [v for v in capable if _executes(engine, v, settings, fleet, image)]
    if settings.enable_auto_tool_choice:
        usable = [v for v in usable if v.tool_calls] or usable
    # Versions that exist for older accelerators are not selected because of the driver: the user decides that.
    alike = [v for v in usable if v.min_compute_capability == usable[0].min_compute_capability]
    fits = [(driver_fit(fleet, v), v) for v in alike]
    driven = [v for wanted in ("runs", "forward") for fit, v in fits if fit == wanted]
    if not driven:
        refused = [v for fit, v in fits if fit == "refused"]
        return None, [_driver_problem(engine, (refused or alike)[0], versions, model, fleet, settings)]
    version = driven[0]
    executor = executor_of(engine, version, settings, len(fleet.nodes))
    own = version.image_arm if fleet.architecture in ("aarch64", "arm64") else {}
    known = not image or any(version is v for v in _tagged(engine, image))
    image = image or own.get(vendor) or image_of(version, fleet)
    template = "{engine}"
    if vendor == COMMUNITY:
        template = N_("{engine}, as which {image} is planned")
    elif version is engine.versions[0]:
        template = N_("{engine}: newest version in the catalog")
    elif version is not capable[0]:
        template = N_("{engine}: newer versions require another driver")
        if executor == "ray" and not capable[0].ray:
            template = N_("{engine} in {image}: the newest image with Ray for these settings")
        elif version.version == capable[0].version or driver_fit(fleet, capable[0]) == "forward":
            template = N_("{engine} in {image}, whose CUDA {cuda} runs on driver {driver}")
    elif version is not kept[0]:
        template = N_("{engine}: last version that supports compute capability {capability}")
    reason = Message(
        "engine",
        template,
        engine=f"{engine.title} {version.version}",
        capability=accelerator.compute_capability,
        image=image,
        cuda=version.cuda,
        driver=fleet.driver,
    )
    return EngineChoice(name, engine, version, image, executor, reason, known), []


def _least(engine: Engine, version: EngineVersion, model: Model, fleet: Fleet) -> str:
    """Return the minimum compute capability for this model on this number of nodes."""
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
            return (same if not image else [v for v in _tagged(engine, image) if v in same] or same[:1]), None
        offered = list(dict.fromkeys(v.version for v in versions))
        return [], UnknownName(
            N_("Variable engine_version is {wanted!r}, which is not in the catalog for {name}; available: {offered}."),
            N_("Set engine_version to {version}, or leave it empty."),
            {"engine_version": ""},
            wanted=wanted,
            name=name,
            offered=offered,
            version=versions[0].version,
        )
    return _tagged(engine, image), None


def _tagged(engine: Engine, image: str) -> list[EngineVersion]:
    """Return the entries of the version whose image has the tag of this image, or else whose number it begins with."""
    tag = image.rpartition(":")[2]
    own = [v for v in engine.versions if tag in {known.rpartition(":")[2] for known in v.image.values()}]
    number = tag.removeprefix("v")
    return own or [v for v in engine.versions if f"{number}-".startswith(f"{v.version}-")][:1]


def _executes(engine: Engine, version: EngineVersion, settings: Settings, fleet: Fleet, image: str) -> bool:
    executor = executor_of(engine, version, settings, len(fleet.nodes))
    if executor not in executors_of(engine, version, len(fleet.nodes)):
        return False
    # A custom image is assumed to contain Ray; preflight verifies it.
    return executor != "ray" or version.ray or bool(image)


def _executor_problem(
    name: str, engine: Engine, versions: Sequence[EngineVersion], settings: Settings, fleet: Fleet
) -> list[Refusal]:
    image = settings.engine_image
    if any(_executes(engine, v, settings, fleet, image) for v in versions):
        return []
    executor = executor_of(engine, versions[0], settings, len(fleet.nodes))
    other = "ray" if executor == "mp" else "mp"
    why = Message("", N_("which does not support it across nodes"))
    if executor == "ray":
        image = image_of(versions[0], fleet)
        why = Message("", N_("whose image {image} does not contain Ray"), image=image)
    changed = settings.model_copy(update={"executor": other})
    remedy, change = N_("Set executor to {other}."), {"executor": other}
    if not any(_executes(engine, v, changed, fleet, image) for v in versions):
        remedy = N_("Leave engine_version and engine_image empty to let the planner choose.")
        change = {"engine_version": ""}
    return [
        ExecutorUnsupported(
            N_("Variable executor is {executor}, but the engine is {engine}, {why}."),
            remedy,
            change,
            executor=executor,
            engine=f"{name} {versions[0].version}",
            why=why,
            other=other,
        )
    ]


def _driver_problem(
    engine: Engine,
    version: EngineVersion,
    versions: Sequence[EngineVersion],
    model: Model,
    fleet: Fleet,
    settings: Settings,
) -> DriverTooOld:
    works = [
        v
        for v in versions
        if _capable(engine, v, model, fleet)
        and _executes(engine, v, settings, fleet, "")
        and driver_fit(fleet, v) in ("runs", "forward")
    ]
    message = N_("Image {image} contains CUDA {cuda}, which does not run on driver {driver} of the nodes.")
    remedy = N_("Install driver {needed} on every node, or set nvidia_driver_install to upgrade.")
    change: dict[str, object] | None = None
    if driver_fit(fleet, version) == "refused":
        message = N_(
            "Image {image} contains CUDA {cuda} and does not start on driver {driver} of the nodes: the container"
            " runtime checks its NVIDIA_REQUIRE_CUDA."
        )
        remedy = N_(
            "Install driver {needed} on every node, set nvidia_driver_install to upgrade, or disable the check: add"
            " {variable} with the value 1 to engine_extra_env (NVIDIA did not test this image with driver {driver})."
        )
        change = {"engine_extra_env": {**settings.engine_extra_env, DISABLE_REQUIRE: "1"}}
    if works:
        remedy = N_(
            "Install driver {needed} on every node, set nvidia_driver_install to upgrade, or set engine_version to"
            " {other}."
        )
        change = {"engine_version": works[0].version, "engine_image": ""}
    return DriverTooOld(
        message,
        remedy,
        change,
        image=settings.engine_image or image_of(version, fleet),
        cuda=version.cuda,
        needed=usable_drivers(fleet, version),
        driver=fleet.driver,
        variable=DISABLE_REQUIRE,
        other=works[0].version if works else "",
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
    engine = load_engines()[name]
    works = [v for v in versions if _capable(engine, v, model, fleet)]
    least, architecture = _least(engine, version, model, fleet), model.architecture.name
    template = N_("requires compute capability {least} for several nodes, but {accelerator} has {capability}")
    if version.min_compute_capability == least:
        template = N_("requires compute capability {least}, but {accelerator} has {capability}")
    elif architecture in engine.architecture_capabilities:
        template = N_("requires compute capability {least} for {architecture}, but {accelerator} has {capability}")
    needs = Message(
        "",
        template,
        least=least,
        architecture=architecture,
        accelerator=fleet.name,
        capability=fleet.accelerator.compute_capability,
    )
    if pinned and works:
        image = image_of(works[0], fleet)
        return EngineUnsupported(
            N_("Variable engine is {engine}, which {why}."),
            N_(
                "Set engine_version to {other} and leave engine_image empty: {image} is the last image that supports"
                " this hardware."
            ),
            {"engine_version": works[0].version, "engine_image": ""},
            engine=f"{name} {version.version}",
            why=needs,
            other=works[0].version,
            image=image,
        )
    return _other_engine(name, f"{name} {version.version}", needs, settings, model, fleet)


def _too_old_for_model(
    name: str, version: EngineVersion, versions: Sequence[EngineVersion], settings: Settings, model: Model, fleet: Fleet
) -> Refusal:
    architecture, shown = model.architecture.name, f"{name} {version.version}"
    why = Message("", N_("does not support {architecture}"), architecture=architecture)
    newer = [v for v in versions if architecture not in v.lacks and _capable(load_engines()[name], v, model, fleet)]
    if not newer:
        return _other_engine(name, shown, why, settings, model, fleet)
    return EngineUnsupported(
        N_("Variable engine is {engine}, which {why}."),
        N_("Leave engine_version and engine_image empty to let the planner choose."),
        {"engine_version": "", "engine_image": ""},
        engine=shown,
        why=why,
    )


def _other_engine(
    refused: str, shown: str, why: Message, settings: Settings, model: Model, fleet: Fleet
) -> EngineUnsupported:
    message = N_("Variable engine is {engine}, which {why}.")
    clean = settings.model_copy(update={"engine_image": "", "engine_version": ""})
    pinned = [key for key in ("engine_image", "engine_version") if getattr(settings, key)]
    template = N_("Set engine to {other}: {image} supports this hardware.")
    if pinned:
        template = N_("Set engine to {other} and leave {pinned} empty: {image} supports this hardware.")
    remedies: list[Remedy] = []
    for name, engine in _preferred().items():
        if name == refused or not serves(engine, model):
            continue
        fitting = [
            v
            for v in engine.versions
            if image_of(v, fleet)
            and model.architecture.name not in v.lacks
            and _capable(engine, v, model, fleet)
            and _executes(engine, v, clean, fleet, "")
            and (engine.multi_node or len(fleet.nodes) == 1)
        ]
        if fitting:
            image = image_of(fitting[0], fleet)
            text = Message("", template, other=name, pinned=pinned, image=image)
            remedies.append(Remedy(text, {"engine": name, "engine_version": "", "engine_image": ""}))
    if remedies:
        return EngineUnsupported(message, "", remedies=remedies, engine=shown, why=why).offering(remedies)
    return EngineUnsupported(
        message,
        N_("No engine in the catalog supports {model} on {accelerator}; choose another model."),
        engine=shown,
        why=why,
        model=model.title,
        accelerator=fleet.name,
    )
