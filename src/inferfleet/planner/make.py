"""Make the plan of one service from its settings and its nodes' facts."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from inferfleet.catalog import (
    CatalogError,
    Model,
    UnknownModelError,
    UnknownNameError,
    UnsupportedModelError,
    load_model,
)
from inferfleet.catalog.folder import cached_revision, is_readable
from inferfleet.engines import load_engine
from inferfleet.messages import N_, Problem
from inferfleet.planner.checkpoints import choose_checkpoints, choose_dtype
from inferfleet.planner.checks import Selection, SizedSelection, run_checks
from inferfleet.planner.choose import choose_engine
from inferfleet.planner.fabric import derive_fabric, nccl_chooses_gid
from inferfleet.planner.fit import compute_sizing
from inferfleet.planner.fleet import Fleet, read_fleet
from inferfleet.planner.modes import choose_mode, with_mode
from inferfleet.planner.no_fit import no_fit
from inferfleet.planner.plan import NodePlan, Plan
from inferfleet.planner.profiles import with_profile
from inferfleet.planner.refusals import (
    BadValue,
    CatalogBroken,
    ModelUnsupported,
    Refusal,
    unknown_name,
)
from inferfleet.planner.remedies import Nodes, checked_remedies
from inferfleet.planner.render import Decided, render
from inferfleet.settings import Settings

_FATAL = ("unknown-name", "catalog-broken", "model-unsupported", "bad-value", "mixed-accelerators")


def make_plan(settings: Settings, nodes: Nodes, *, hypothetical: bool = False) -> Plan:
    """Plan the serving of `settings.model` on `nodes`.

    Each node is a mapping with `role` ("head" or "worker"), `address` and, if known, its facts as the modules
    accelerator_facts, fabric_facts and node_facts return them. No setting raises an exception: all problems are in
    `problems` of the plan, with the remedies that lead to a plan that works. `hypothetical`: an estimate, for which
    neither nodes nor checkpoint need to exist.
    """

    def replan(changed: Settings, on: Nodes) -> Plan:
        return draft_plan(changed, on, hypothetical=hypothetical)

    plan = replan(settings, nodes)
    return replace(plan, problems=checked_remedies(plan, settings, nodes, replan))


def draft_plan(settings: Settings, nodes: Nodes, *, hypothetical: bool) -> Plan:
    """Plan as `make_plan` does, without checking the remedies of problems."""
    configured, settings = settings, _without_profile(settings)
    nodes = dict(sorted(nodes.items(), key=lambda item: item[1].get("role") != "head"))
    empty = Plan(engine=settings.engine, executor=settings.executor, model=settings.model)
    problems: list[Refusal] = []
    if not nodes:
        return replace(empty, problems=[_no_nodes()])
    model = _model(settings, problems)
    _engine(settings, problems)
    problems += run_checks(settings)
    if any(problem.code == "bad-value" for problem in problems):
        return replace(empty, problems=_problems(problems))
    fleet, found = read_fleet(settings, nodes)
    problems += found
    problems += run_checks(fleet) if fleet else []
    addressed = {str(name): _address(name, node, fleet) for name, node in nodes.items()}
    if model is None or fleet is None or fleet.per_node == 0 or _is_fatal(problems):
        return replace(empty, nodes=addressed, problems=_problems(problems))
    choice, found = choose_engine(settings, model, fleet)
    problems += found
    if choice is None:
        return replace(empty, nodes=addressed, accelerator=fleet.name, problems=_problems(problems))
    problems += run_checks(Selection(settings, model, fleet, choice))
    mode, found = choose_mode(settings, choice)
    problems += found
    settings = with_mode(settings, choice, mode)
    checkpoints, found = choose_checkpoints(settings, model, choice, fleet, hypothetical=hypothetical)
    problems += found
    if not checkpoints:
        return replace(empty, nodes=addressed, accelerator=fleet.name, problems=_problems(problems))
    if _is_fatal(problems):
        return replace(empty, nodes=addressed, accelerator=fleet.name, problems=_problems(problems))
    checkpoint = checkpoints[0]
    selection = SizedSelection(
        settings,
        model,
        fleet,
        choice,
        checkpoint,
        mode,
        compute_sizing(settings, model, checkpoint, choice, fleet, mode),
    )
    profiled = with_profile(selection, configured)
    selection = profiled.selection
    settings, sizing = selection.settings, selection.sizing
    dtype, found, why_dtype = choose_dtype(settings, checkpoint, fleet)
    problems += found
    problems += sizing.problems
    if not sizing.problems and not sizing.fits:
        problems.append(no_fit(settings, model, checkpoint, choice, fleet, mode, sizing))
    problems += run_checks(selection)
    fabric, found = derive_fabric(
        settings, fleet.nodes, fleet.accelerator.vendor, nccl_chooses_gid=nccl_chooses_gid(choice.version.nccl)
    )
    problems += found
    decided = Decided(
        settings, model, fleet, choice, checkpoint, dtype, sizing, mode, fabric, hypothetical, profiled.env
    )
    reasons = [*([why_dtype] if why_dtype else []), *profiled.reasons]
    return render(decided, _problems(problems), reasons)


def _without_profile(settings: Settings) -> Settings:
    """Return the settings with which nothing is left to the profile; one replica is no data parallelism."""
    none = {"num_speculative_tokens": max(0, settings.num_speculative_tokens)}
    none |= {"data_parallel_size": settings.data_parallel_size if settings.data_parallel_size > 1 else 0}
    return settings.model_copy(update=none)


def _is_fatal(problems: list[Refusal]) -> bool:
    """Return whether a problem makes further planning pointless: an unknown name, a bad value, mixed accelerators."""
    return any(problem.code in _FATAL for problem in problems)


def _problems(problems: list[Refusal]) -> list[Problem]:
    return list(dict.fromkeys(problems))


def _no_nodes() -> Refusal:
    return BadValue(N_("The inventory has no serving node."), N_("Add one host to group ray_head of hosts.yml."))


def _model(settings: Settings, problems: list[Refusal]) -> Model | None:
    try:
        model = load_model(settings.model, kv_bytes_per_token=settings.kv_bytes_per_token)
        if settings.kv_bytes_per_token and model.architecture.assumed is None:
            problems.append(
                BadValue(
                    N_(
                        "Variable kv_bytes_per_token is {value}, but the planner computes the KV cache of"
                        " {architecture} itself."
                    ),
                    N_("Set kv_bytes_per_token to 0."),
                    {"kv_bytes_per_token": 0},
                    value=settings.kv_bytes_per_token,
                    architecture=model.architecture.name,
                )
            )
        return model
    except UnknownNameError as error:
        problems.append(unknown_name(error, "model"))
    except UnknownModelError as error:
        remedy = N_(
            "Set kv_bytes_per_token to the bytes of KV cache that a token takes on each rank, to plan with it on your"
            " own responsibility, or set model to a model in the catalog."
        )
        if not error.has_weights:
            remedy = N_(
                "Copy the safetensors files or model.safetensors.index.json to the same folder and set"
                " kv_bytes_per_token to the bytes of KV cache that a token takes on each rank, to plan with them on"
                " your own responsibility, or set model to a model in the catalog."
            )
        problems.append(ModelUnsupported(error.message.template, remedy, **error.message.parameters))
    except UnsupportedModelError as error:
        problems.append(
            ModelUnsupported(
                error.message.template,
                N_(
                    "This file is the publisher's and needs no change: set model to a checkpoint of a supported"
                    " architecture and precision, or to a model in the catalog."
                ),
                **error.message.parameters,
            )
        )
    except CatalogError as error:
        problems.append(_unreadable(Path(settings.model), error))
    return None


def _unreadable(path: Path, error: CatalogError) -> CatalogBroken:
    """Return the problem of a model's files, with the remedy: another folder, a copy, or a correction."""
    if revision := cached_revision(path):
        return CatalogBroken(
            N_("Variable model is {path}, a repository in Hugging Face's cache, which may contain several revisions."),
            N_("Set model to the folder of a revision: {revision}."),
            {"model": str(revision)},
            path=path,
            revision=revision,
        )
    remedy = N_("Correct this file, or set model to a model in the catalog.")
    if path.is_absolute() and not is_readable(path):
        remedy = N_(
            "Mount or copy the folder to this path on the controller too (config.json and model.safetensors.index.json"
            " are enough there), or set model to a model in the catalog."
        )
    return CatalogBroken(error.message.template, remedy, **error.message.parameters)


def _engine(settings: Settings, problems: list[Refusal]) -> None:
    if settings.engine == "auto":
        return
    try:
        load_engine(settings.engine)
    except UnknownNameError as error:
        problems.append(unknown_name(error, "engine"))


def _address(name: str, node: Mapping[str, Any], fleet: Fleet | None) -> NodePlan:
    known = next((n for n in fleet.nodes if n.name == str(name)), None) if fleet else None
    address, interface = (known.address, known.interface) if known else (str(node.get("address", "")), "")
    return NodePlan(str(node.get("role", "worker")), 0, address, interface, [], {})
