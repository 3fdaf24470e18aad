"""The order in which running replicas are replaced: one after another where others of their model serve meanwhile."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from inferfleet.gateway.backends import server_name
from inferfleet.messages import N_, Problem

Plan = Mapping[str, Any]


@dataclass(frozen=True)
class Roll:
    """How the replicas of a deployment are replaced; plans in their JSON form."""

    rolled: tuple[Plan, ...] = ()
    """Replaced after all others, one after another, each drained at the gateways."""
    interrupted: tuple[Plan, ...] = ()
    """Replaced at once although no other replica of their model serves meanwhile."""
    replaced: tuple[Plan, ...] = ()
    """All whose running containers are replaced, those included."""


def plan_roll(
    plans: Sequence[Plan],
    stale: Mapping[str, Collection[str]],
    gateways: Iterable[Iterable[Mapping[str, Any]]],
    drained_by_roll: Collection[str] = (),
) -> Roll:
    """Return how replicas are replaced.

    `stale` are the running containers that differ from the plan, by host. `gateways` are the servers of each running
    gateway, as module haproxy_servers returns them. `drained_by_roll` are those that a roll drained which has not
    finished: it is continued with them.

    A replica is rolled if the gateways know another one of its model, deployed before, which serves or is started
    first. If they know only this one, the replicas are deployed for the first time or have other nodes than before,
    and the present one stops for them.
    """
    known: set[str] = set()
    serving: set[str] = set()
    for servers in gateways:
        for row in servers:
            name = row["server"].rpartition("/")[2]
            known.add(name)
            if name in drained_by_roll or (row["healthy"] and not row["drained"]):
                serving.add(name)
    replaced = tuple(plan for plan in plans if any(stale.get(host) for host in plan["nodes"]))
    rolled, interrupted = [], []
    for plan in plans:
        if plan["protocol"] == "none":
            continue
        others = [other for other in plans if _same_model(plan, other) and server_name(other) in known - {_name(plan)}]
        if others and _name(plan) in serving and (plan in replaced or _name(plan) in drained_by_roll):
            rolled.append(plan)
        elif plan in replaced and not any(_name(other) in serving for other in others):
            interrupted.append(plan)
    return Roll(tuple(rolled), tuple(interrupted), replaced)


def driver_order(roll: Roll) -> list[Plan]:
    """Return the replicas whose nodes get another driver, in the order in which they stop for it.

    First those that no gateway uses: one that serves again helps the others.
    """
    rolled = [plan for plan in roll.rolled if plan in roll.replaced]
    return [*(plan for plan in roll.replaced if plan not in rolled), *rolled]


def _name(plan: Plan) -> str:
    return server_name(plan)


def _same_model(one: Plan, other: Plan) -> bool:
    return bool(one["served_model_name"] == other["served_model_name"] and other["protocol"] != "none")


def touched(roll: Roll) -> list[Problem]:
    """Return the problem of a run that must not change running replicas, but would."""
    return [
        Problem(
            "replicas-would-change",
            N_("The running replicas of {nodes} would be replaced, too."),
            N_("Replace them one after another with `inferfleet upgrade`, or restore their settings and nodes."),
            nodes=list(dict.fromkeys(plan["head"] for plan in roll.replaced)),
        )
    ]


def interruption(roll: Roll, *, confirmed: bool, refuse: bool) -> list[Problem]:
    """Return what a run prints before it interrupts models; with `refuse`, problems unless it is `confirmed`."""
    models: dict[str, list[Plan]] = {}
    for plan in roll.interrupted:
        models.setdefault(plan["served_model_name"], []).append(plan)
    remedy = N_("Confirm it with --yes, or run it when no requests are expected. The images and the weights are ready.")
    return [
        Problem(
            "service-interrupted",
            N_("Model {model} does not answer while it is replaced, for about {seconds} s: no other replica serves."),
            remedy if refuse and not confirmed else "",
            model=model,
            seconds=max(int(plan.get("load_seconds") or 0) for plan in plans),
        )
        for model, plans in models.items()
    ]
