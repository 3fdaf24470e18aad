"""Apply the remedies of problems, plan again, and keep those that lead to a plan that works."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from inferfleet.catalog import load_models
from inferfleet.messages import N_, Message, Problem
from inferfleet.planner.plan import Plan
from inferfleet.planner.refusals import BadValue, Refusal, Remedy, ShortOfMemory, UnknownName
from inferfleet.settings import Settings

Nodes = Mapping[str, Mapping[str, Any]]
"""Nodes of a service by name, as `make_plan` takes them."""
_Replan = Callable[[Settings, Nodes], Plan]

_MOST_OFFERS = 3
_STEPS = 2  # remedies that may follow one another: "Set engine to … To make it fit, add …"
_OF_THE_MODEL = (
    *("checkpoint", "precision", "engine_version", "engine_image", "engine_mode", "dtype", "kv_cache_dtype"),
    *("tensor_parallel_size", "pipeline_parallel_size", "data_parallel_size", "max_model_len", "max_num_seqs"),
    *("num_speculative_tokens", "enable_expert_parallel", "enable_auto_tool_choice", "kv_bytes_per_token"),
    "decode_context_parallel_size",
)
"""Settings that belong to the configured model or engine; another model starts with their defaults."""
_COPIED = "shared-address"
"""Code of the problem that only the copies of nodes in a plan for more nodes have."""


def checked_remedies(plan: Plan, settings: Settings, nodes: Nodes, replan: _Replan) -> list[Problem]:
    """Return the problems of a plan with those remedies that remove a problem without causing another."""
    replan = _remembering(replan)
    checked: list[Problem] = []
    for problem in plan.problems:
        if isinstance(problem, ShortOfMemory):
            most = _MOST_OFFERS
            checked.append(problem.offering(_working(problem, plan.problems, settings, nodes, replan, _STEPS, most)))
        elif isinstance(problem, Refusal) and problem.remedies:
            working = _working(problem, plan.problems, settings, nodes, replan, _STEPS, 1)
            checked.append(problem.offering(working or _other_model(settings, nodes, replan)))
        else:
            checked.append(problem)
    return checked


def _remembering(replan: _Replan) -> _Replan:
    """Return `replan` that plans the same settings on as many nodes once: many problems have the same remedy."""
    plans: dict[tuple[str, tuple[str, ...]], Plan] = {}

    def remembered(settings: Settings, nodes: Nodes) -> Plan:
        key = (settings.model_dump_json(), tuple(nodes))
        if key not in plans:
            plans[key] = replan(settings, nodes)
        return plans[key]

    return remembered


def applied(settings: Settings, nodes: Nodes, change: Mapping[str, Any]) -> tuple[Settings, Nodes]:
    """Return settings and nodes after a change; further nodes are copies of the last one, as workers."""
    names = list(nodes)
    count = change.get("nodes", len(names))
    copies = {f"{names[-1]}+{i}": {**nodes[names[-1]], "role": "worker"} for i in range(1, count - len(names) + 1)}
    update = {key: value for key, value in change.items() if key != "nodes"}
    return settings.model_copy(update=update), {name: nodes[name] for name in names[:count]} | copies


def _working(
    problem: Refusal,
    problems: Sequence[Problem],
    settings: Settings,
    nodes: Nodes,
    replan: _Replan,
    steps: int,
    most: int,
) -> list[Remedy]:
    """Return the first remedies that work, at most `most`.

    A remedy that reveals another problem is followed by that problem's remedy. A wrong name or value ends planning, so
    that its correction may reveal several problems; it is right nevertheless.
    """
    rest = Counter(other.code for other in problems)
    rest.subtract([problem.code])
    short = isinstance(problem, ShortOfMemory)
    works: list[Remedy] = []
    partial: list[tuple[Remedy, Settings, Nodes, Plan]] = []
    for remedy in problem.candidates:
        changed, on = applied(settings, nodes, remedy.change)
        plan = replan(changed, on)
        if _new(plan, rest) and changed.replicas > 1:
            remedy, changed, on, plan = _any_replicas(remedy, settings, nodes, replan, plan, rest)
        if _new(plan, rest):
            partial.append((remedy, changed, on, plan))
            continue
        works.append(_named(remedy, settings, clause=short))
        # Smaller models are the last resort, of which the largest is enough.
        if len(works) == most or "model" in remedy.change:
            break
    if works or short or steps == 1:
        return works
    for remedy, changed, on, plan in partial:
        following = [other for other in plan.problems if other.code in _new(plan, rest)]
        if len(following) != 1 or not isinstance(following[0], Refusal):
            continue
        further = _working(following[0], plan.problems, changed, on, replan, steps - 1, 1)
        if further:
            shown = following[0].offering(further)
            then = Message("", shown.remedy_template, **shown.parameters)
            text = Message("", N_("{one} {then}"), one=_named(remedy, settings, clause=False).text, then=then)
            return [Remedy(text, {**remedy.change, **further[0].change})]
    corrected = isinstance(problem, UnknownName | BadValue)
    return [remedy for remedy, *_, plan in partial if corrected and problem not in plan.problems][:1]


def _any_replicas(
    remedy: Remedy, settings: Settings, nodes: Nodes, replan: _Replan, plan: Plan, rest: Counter[str]
) -> tuple[Remedy, Settings, Nodes, Plan]:
    """Return a remedy that leaves the number of replicas to the planner, if it works only so."""
    free = Remedy(remedy.text, {**remedy.change, "replicas": 0})
    changed, on = applied(settings, nodes, free.change)
    other = replan(changed, on)
    if _new(other, rest):
        return remedy, *applied(settings, nodes, remedy.change), plan
    return free, changed, on, other


def _named(remedy: Remedy, settings: Settings, *, clause: bool) -> Remedy:
    """Return a remedy whose text also names the settings that it leaves to the planner."""
    text = str(remedy.text)
    reset = [
        key
        for key, value in remedy.change.items()
        if value in ("", 0, -1, "auto") and getattr(settings, key) != value and key not in text
    ]
    if not reset:
        return remedy
    template = N_("{remedy} and reset {settings}") if clause else N_("{remedy} Reset {settings}.")
    return Remedy(Message("", template, remedy=remedy.text, settings=reset), remedy.change)


def _new(plan: Plan, rest: Counter[str]) -> Counter[str]:
    """Return the codes of problems that a plan has in addition to `rest`."""
    return Counter(problem.code for problem in plan.problems if problem.code != _COPIED) - rest


def _other_model(settings: Settings, nodes: Nodes, replan: _Replan) -> list[Remedy]:
    """Return the largest other distilled model that works with any engine."""
    free = {key: Settings.model_fields[key].default for key in _OF_THE_MODEL}
    sizes = {name: model.checkpoints[0].tensor_bytes for name, model in load_models().items() if "distill" in name}
    for name in sorted(sizes.keys() - {settings.model}, key=lambda name: -sizes[name]):
        change = {**free, "model": name, "engine": "auto"}
        if settings.replicas > 1 and not replan(*applied(settings, nodes, change)).works:
            change["replicas"] = 0
        if replan(*applied(settings, nodes, change)).works:
            template = N_("Set model to {other}.")
            if settings.engine != "auto":
                template = N_("Set model to {other} and engine to auto.")
            return [Remedy(Message("", template, other=name), change)]
    return []
