"""Complete the parallel sizes that the user set."""

from inferfleet.catalog import Checkpoint, Model
from inferfleet.engines.layout import Layout
from inferfleet.messages import N_
from inferfleet.planner.fleet import Fleet
from inferfleet.planner.layouts import Rules, divisibility
from inferfleet.planner.refusals import LayoutMismatch, Refusal
from inferfleet.settings import Settings

FREE = {"tensor_parallel_size": 0, "pipeline_parallel_size": 0, "data_parallel_size": 0}
"""Settings that let the planner choose the layout."""


def requested_layout(
    settings: Settings, model: Model, checkpoint: Checkpoint, fleet: Fleet, rules: Rules
) -> tuple[Layout, list[Refusal]]:
    """Return the layout with these sizes, and its problems."""
    tensor, pipeline = settings.tensor_parallel_size, settings.pipeline_parallel_size
    replicas = settings.data_parallel_size or 1
    expert = settings.enable_expert_parallel
    world = fleet.size
    given = next(key for key in FREE if getattr(settings, key))
    value = getattr(settings, given)
    if not pipeline and (replicas > 1 or not rules.pipeline_parallel):
        pipeline = 1
    if not tensor:
        tensor = max(1, world // (pipeline * replicas))
    elif not pipeline:
        pipeline = max(1, world // tensor)
    layout = Layout(tensor, pipeline, replicas, expert, settings.decode_context_parallel_size or 1)
    if world % replicas and model.architecture.moe:
        return layout, [
            LayoutMismatch(
                N_(
                    "Variable data_parallel_size is {replicas}, which does not divide the {world} "
                    "accelerators of the {nodes} nodes."
                ),
                N_("Set data_parallel_size to 0."),
                {"data_parallel_size": 0},
                replicas=replicas,
                world=world,
                nodes=len(fleet.nodes),
            )
        ]
    problems = divisibility(model.architecture, checkpoint.precision, layout, rules)
    if problems:
        return layout, problems
    reset = FREE
    if layout.ranks > world or (len(fleet.nodes) > 1 and layout.ranks != world):
        several = [f"{key} {getattr(settings, key)}" for key in FREE if getattr(settings, key)]
        return layout, [
            LayoutMismatch(
                N_(
                    "Variables {settings} need {needed} accelerators, but the {nodes} nodes have {world} ({per_node}"
                    " each)."
                )
                if len(several) > 1
                else N_(
                    "Variable {key} is {value}, which needs {needed} accelerators, but the {nodes} nodes have {world}"
                    " ({per_node} each)."
                ),
                N_(
                    "Set tensor_parallel_size and pipeline_parallel_size to 0 to let the planner choose, or to"
                    " values whose product is {world}."
                ),
                reset,
                settings=several,
                key=given,
                value=value,
                needed=layout.ranks if len(several) > 1 else max(layout.ranks, value),
                nodes=len(fleet.nodes),
                world=world,
                per_node=fleet.per_node,
            )
        ]
    return layout, []
