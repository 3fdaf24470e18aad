"""Replicas of a service: independent copies of the model, each on its own nodes, with its own head and API."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import islice

from inferfleet.engines import load_engines
from inferfleet.engines.layout import Layout
from inferfleet.messages import N_, Message
from inferfleet.planner.checks import run_checks
from inferfleet.planner.fleet import read_fleet
from inferfleet.planner.layouts import Candidate, shortage
from inferfleet.planner.make import draft_plan, make_plan
from inferfleet.planner.plan import Plan
from inferfleet.planner.refusals import Refusal, ReplicasUnsuitable
from inferfleet.planner.remedies import Nodes, checked_remedies
from inferfleet.planner.requested_layout import FREE
from inferfleet.settings import Settings

_CHOOSE = {"replicas": 0}
_MOST_NODES = 4
"""Nodes of a replica up to which the number of sequences decides: those of DeepSeek-R1 in BF16 on A800 servers, the
largest pipeline that this project has a report of."""


def plan_service(settings: Settings, nodes: Nodes, *, hypothetical: bool = False) -> tuple[Plan, ...]:
    """Plan a service on its nodes: one plan for each replica, the head of the inventory in the first one.

    `nodes` are as `make_plan` takes them. Every node belongs to one replica, in the order of the inventory; if the
    number of replicas does not divide the nodes, the last ones have a node more, and the context of the first. With
    `replicas: 0` there are as many as possible: a replica spans nodes only if the model or the configured sizes do not
    fit otherwise, because a node that fails interrupts all of its replica (vLLM, docs/serving/parallelism_scaling.md:
    several nodes only if one is too small).
    """
    nodes = dict(sorted(nodes.items(), key=lambda item: item[1].get("role") != "head"))
    if settings.replicas == 1 or (settings.replicas == 0 and len(nodes) < 2):
        return (make_plan(settings, nodes, hypothetical=hypothetical),)

    def replan(changed: Settings, on: Nodes) -> Plan:
        if changed.replicas < 2:  # one replica on all nodes is among those to choose from
            plan = draft_plan(changed, on, hypothetical=hypothetical)
            if plan.works or settings.replicas == 0:
                return plan
        return _first(changed, on, hypothetical=hypothetical)[0]

    first, count = _first(settings, nodes, hypothetical=hypothetical)
    if not first.works:
        return (replace(first, problems=checked_remedies(first, settings, nodes, replan)),)
    if count == 1:
        return (first,)
    others = (
        make_plan(_as_long(settings, first, share), share, hypothetical=hypothetical)
        for share in islice(_shares(nodes, count), 1, None)
    )
    return tuple(replace(plan, replica=i, replicas=count) for i, plan in enumerate((first, *others), 1))


def _first(settings: Settings, nodes: Nodes, *, hypothetical: bool) -> tuple[Plan, int]:
    """Return the plan of the first replica and the number of replicas.

    If none is possible, it is a plan on all nodes, whose problems have remedies that are not checked yet.
    """
    wanted = settings.replicas
    if _fleet_problems(settings, nodes):
        return draft_plan(settings, nodes, hypothetical=hypothetical), 1
    drafts = {
        count: _draft(settings, nodes, count, hypothetical=hypothetical)
        for count in range(len(nodes), 0, -1)
        if len(nodes) % count == 0 or count == wanted
    }
    if not wanted:
        for count in _uneven(len(nodes), _best(settings, drafts)):
            drafts[count] = _draft(settings, nodes, count, hypothetical=hypothetical)
            if _best(settings, drafts) == count:
                break
    best = _best(settings, drafts)
    if refused := _refusal(settings, nodes, drafts, best) if wanted else None:
        # Without a number that works, the problems of the model on all nodes remain.
        return replace(drafts[1], problems=[refused, *([] if best else drafts[1].problems)]), 1
    if not best:
        return drafts[1], 1
    count = wanted or best
    draft = drafts[count]
    if len(nodes) < 2:
        return draft, 1
    return replace(
        draft,
        reasons=[*draft.reasons, _why(settings, count, drafts)],
        alternatives=[
            *(replace(candidate, replicas=count) for candidate in draft.alternatives),
            *_other_counts(settings, count, drafts),
        ],
    ), count


def _sizes(nodes: int, count: int) -> list[int]:
    """Return the number of nodes of each replica, the smallest first."""
    size, more = divmod(nodes, count)
    return [size] * (count - more) + [size + 1] * more


def _shares(nodes: Nodes, count: int) -> Iterator[Nodes]:
    """Yield the nodes of each replica; the first one is its head."""
    names = iter(nodes)
    for size in _sizes(len(nodes), count):
        head, *workers = islice(names, size)
        yield {
            head: {**nodes[head], "role": "head"},
            **{name: {**nodes[name], "role": "worker"} for name in workers},
        }


def _uneven(nodes: int, best: int) -> Iterator[int]:
    """Yield the numbers of replicas, more than `best`, that do not divide the nodes: the most for each least size."""
    for size in range(2, nodes):
        count = nodes // size
        if count <= max(best, 1):
            return
        if nodes % count:
            yield count


def _draft(settings: Settings, nodes: Nodes, count: int, *, hypothetical: bool) -> Plan:
    """Return the plan of the first of `count` replicas, with the problems of the last one if that is larger."""
    shares = list(_shares(nodes, count))
    plan = draft_plan(settings, shares[0], hypothetical=hypothetical)
    if len(shares[-1]) == len(shares[0]) or not plan.works:
        return plan
    larger = draft_plan(_as_long(settings, plan, shares[-1]), shares[-1], hypothetical=hypothetical)
    return replace(plan, problems=larger.problems)


def _as_long(settings: Settings, plan: Plan, share: Nodes) -> Settings:
    """Return the settings of another replica, whose context must not be longer than that of the first."""
    if len(share) == len(plan.nodes):
        return settings
    return settings.model_copy(update={"max_model_len": plan.max_model_len})


def _fleet_problems(settings: Settings, nodes: Nodes) -> list[Refusal]:
    """Return the problems of all nodes together: replicas are equal, so their nodes must be, too."""
    fleet, problems = read_fleet(settings, nodes)
    return problems or (list(run_checks(fleet)) if fleet else [])


def _best(settings: Settings, drafts: dict[int, Plan]) -> int:
    """Return the number of replicas: the most that do not shorten the context; 0 if none works."""

    # A number of stages alone is that of the nodes (vLLM, docs/serving/parallelism_scaling.md).
    stages = settings.pipeline_parallel_size if not settings.tensor_parallel_size else 0

    def rank(count: int) -> tuple[bool, int, bool, int]:
        plan = drafts[count]
        return len(plan.nodes) == stages, plan.max_model_len, _holds(settings, plan), count

    return max((count for count, plan in drafts.items() if _works(count, plan)), key=rank, default=0)


def _holds(settings: Settings, plan: Plan) -> bool:
    """Return whether the KV cache of a replica of few nodes holds max_num_seqs of max_model_len, if both are set.

    More nodes for it would be a larger failure domain than the demand is worth: those that do not fit wait.
    """
    wanted = settings.max_num_seqs * settings.max_model_len
    if not wanted or plan.budget is None:
        return True
    return len(plan.nodes) <= _MOST_NODES and plan.budget.kv_cache_tokens >= wanted


def _works(count: int, plan: Plan) -> bool:
    return plan.works and (count == 1 or load_engines()[plan.engine].replicas)


def _refusal(settings: Settings, nodes: Nodes, drafts: dict[int, Plan], best: int) -> Refusal | None:
    """Return why the configured number of replicas is not possible; None if it is, or if no number is."""
    wanted, draft = settings.replicas, drafts.get(settings.replicas)
    if draft is None:
        return ReplicasUnsuitable(
            N_("Variable replicas is {replicas}, but the service has {nodes} nodes."),
            N_("Set replicas to 0 to let the planner choose, or to at most {nodes}."),
            _CHOOSE,
            replicas=wanted,
            nodes=len(nodes),
        )
    if not draft.works and best:
        return ReplicasUnsuitable(
            N_(
                "Variable replicas is {replicas}, but a replica on {size} of the {nodes} nodes cannot be planned: {why}"
            ),
            N_("Set replicas to 0 to let the planner choose."),
            _CHOOSE,
            replicas=wanted,
            size=len(nodes) // wanted,
            nodes=len(nodes),
            why=_first_problem(draft),
        )
    if draft.works and not _works(wanted, draft):
        return ReplicasUnsuitable(
            N_("Variable replicas is {replicas}, but {engine} serves one replica on all nodes of the inventory."),
            N_("Set replicas to 1."),
            {"replicas": 1},
            replicas=wanted,
            engine=load_engines()[draft.engine].title,
        )
    return None


def _first_problem(plan: Plan) -> Message:
    problem = plan.problems[0]
    return Message(problem.code, problem.template, **problem.parameters)


def _why(settings: Settings, count: int, drafts: dict[int, Plan]) -> Message:
    """Return the reason for a number of replicas."""
    parameters = {"replicas": count, "nodes": _nodes_of(count, drafts)}
    if settings.replicas:
        return Message("replicas", N_("{replicas} replicas of {nodes} nodes: as configured"), **parameters)
    more = min((other for other in drafts if other > count), default=0)
    if not more:
        template = N_("{replicas} replicas of one node: the failure of a node interrupts only its own")
        return Message("replicas", template, **parameters)
    template = N_("{replicas} replicas of {nodes} nodes instead of {more}: {why}")
    if count == 1:
        template = N_("1 replica on {nodes} nodes instead of {more}: {why}")
    return Message("replicas", template, more=more, why=_rejection(settings, more, count, drafts), **parameters)


def _nodes_of(count: int, drafts: dict[int, Plan]) -> int | Message:
    """Return the number of nodes of a replica for display."""
    least = len(drafts[count].nodes)
    if len(drafts[1].nodes) % count == 0:
        return least
    return Message("", N_("{least} or {most}"), least=least, most=least + 1)


def _rejection(settings: Settings, other: int, count: int, drafts: dict[int, Plan]) -> Message:
    """Return why another number of replicas than `count` was not chosen."""
    plan = drafts[other]
    sizes = [f"{name} {value}" for name in ("replicas", *FREE) if (value := getattr(settings, name))]
    as_configured = Message("as-configured", N_("{settings} is configured"), settings=sizes)
    if plan.budget and not plan.budget.fits:
        return shortage(plan.budget)
    if not plan.works:
        return as_configured if plan.problems[0].code == "layout-mismatch" else _first_problem(plan)
    if not _works(other, plan):
        engine = load_engines()[plan.engine].title
        return Message("one-server", N_("{engine} manages all nodes by one server"), engine=engine)
    if plan.max_model_len < drafts[count].max_model_len:
        return Message("context", N_("the context would be {length} tokens"), length=plan.max_model_len)
    if _holds(settings, drafts[count]) and not _holds(settings, plan):
        template = N_("its KV cache holds {tokens} tokens, fewer than max_num_seqs times max_model_len")
        return Message("kv-cache", template, tokens=plan.budget.kv_cache_tokens if plan.budget else 0)
    if other > count:
        return as_configured
    template = N_("the failure of a node would interrupt {nodes} nodes instead of {fewer}")
    return Message("failure-domain", template, nodes=len(plan.nodes), fewer=len(drafts[count].nodes))


def _other_counts(settings: Settings, count: int, drafts: dict[int, Plan]) -> list[Candidate]:
    """Return the other numbers of replicas with the layout of each, and the reason why it was not chosen."""
    return [
        Candidate(
            Layout(plan.tensor_parallel_size, plan.pipeline_parallel_size, plan.data_parallel_size),
            plan.budget,
            _rejection(settings, other, count, drafts),
            replicas=other,
        )
        for other, plan in drafts.items()
        if other != count and plan.tensor_parallel_size
    ]
