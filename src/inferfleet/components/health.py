"""How components are checked over HTTP, and what came of it."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from inferfleet.components.ports import host_ports
from inferfleet.components.schema import Component


def http_checks(
    settings: Mapping[str, Any], groups: Collection[str], components: Sequence[Component] | None = None
) -> list[dict[str, Any]]:
    """Return `title`, `port` and `path` of each component of a host that is checked by HTTP alone."""
    first: dict[str, dict[str, Any]] = {}
    for used in host_ports(settings, groups, components):
        component = used.component
        if component.health.status == "http" and component.ports[0] is used.port:
            first[component.name] = {"title": component.title, "port": used.first, "path": component.health.path}
    return list(first.values())


def health_results(answers: Mapping[str, Iterable[Mapping[str, Any]]]) -> list[dict[str, Any]]:
    """Return `name`, `ok` and `detail` of each check, from the answers that each host got (module `uri`)."""
    return [
        {
            "name": f"{answer['item']['title']} on {host}",
            "ok": answer.get("status") == 200,
            "detail": str(answer.get("msg") or f"HTTP {answer.get('status')}").removesuffix("."),
        }
        for host, results in answers.items()
        for answer in results
        if "item" in answer
    ]


def rank_results(ranks: Mapping[str, Mapping[str, Any]], wanted: int) -> list[dict[str, Any]]:
    """Return `name`, `ok` and `detail` of each host's ranks, from the results of module `engine_ranks` by host."""
    return [_rank_result(host, result, wanted) for host, result in ranks.items()]


def _rank_result(host: str, result: Mapping[str, Any], wanted: int) -> dict[str, Any]:
    ranks = result.get("ranks") or []
    names = f": {', '.join(ranks)}" if ranks else ""
    detail = "host does not answer" if result.get("unreachable") else f"{len(ranks)} of {wanted}{names}"
    return {"name": f"ranks on {host}", "ok": len(ranks) == wanted, "detail": detail}
