"""Results of service checks: name, whether the check passed, and detail; texts are messages in JSON form."""

from collections.abc import Iterable, Mapping
from typing import Any

from inferfleet.components.loader import load_component
from inferfleet.messages import N_, Message, Problem, literal

Result = Mapping[str, Any]
"""Result of an Ansible task."""

_NOT_WORKING = N_("Some checks failed: {checks}.")
_REPAIR = N_(
    "Run `inferfleet up` again to repair the deployment, or read `docker logs` of the containers inferfleet-* on"
    " the nodes."
)


def health_results(answers: Mapping[str, Iterable[Result]]) -> list[dict[str, Any]]:
    """Return the result of each HTTP check, from the responses by host (module `uri`)."""
    return [_health_result(host, answer) for host, results in answers.items() for answer in results if "item" in answer]


def _health_result(host: str, answer: Result) -> dict[str, Any]:
    status = answer.get("status") or 0
    name = Message("component", N_("{component} on {host}"), component=literal(answer["item"]["title"]), host=host)
    if status > 0:
        detail = Message("http-status", N_("HTTP {status}"), status=status)
    else:
        reason = str(answer.get("msg") or "").removesuffix(".")
        detail = Message("no-http-answer", N_("no response: {reason}"), reason=reason)
    return _result(name, status == 200, detail)


def rules_results(tables: Mapping[str, Result]) -> list[dict[str, Any]]:
    """Return whether the rules of the node firewall are loaded, from the results of `nft list table` by host."""
    return [_rules_result(host, table) for host, table in tables.items() if table and not table.get("skipped")]


def _rules_result(host: str, table: Result) -> dict[str, Any]:
    title = load_component("firewall").title
    name = Message("component", N_("{component} on {host}"), component=literal(title), host=host)
    if table.get("unreachable"):
        return _result(name, False, Message("host-unreachable", N_("host unreachable")))
    if table.get("rc") == 0:
        return _result(name, True, Message("rules-loaded", N_("rules loaded")))
    lines = [*(table.get("stderr_lines") or [str(table.get("msg") or "")]), ""]
    return _result(name, False, Message("rules-not-loaded", N_("rules not loaded: {reason}"), reason=lines[0]))


def unit_results(answers: Mapping[str, Iterable[Result]]) -> list[dict[str, Any]]:
    """Return whether each unit is active, from the results of `systemctl is-active` by host."""
    return [_unit_result(host, answer) for host, results in answers.items() for answer in results if "item" in answer]


def _unit_result(host: str, answer: Result) -> dict[str, Any]:
    name = Message("component", N_("{component} on {host}"), component=literal(answer["item"]["title"]), host=host)
    if answer.get("unreachable"):
        return _result(name, False, Message("host-unreachable", N_("host unreachable")))
    state = answer.get("stdout") or str(answer.get("msg") or "")
    detail = Message("unit-state", N_("unit {unit} is {state}"), unit=answer["item"]["unit"], state=state)
    return _result(name, answer.get("rc") == 0, detail)


def rank_results(ranks: Mapping[str, Result], wanted: int) -> list[dict[str, Any]]:
    """Return the result of the rank check of each host, from the results of module `engine_ranks` by host."""
    return [_rank_result(host, result, wanted) for host, result in ranks.items()]


def _rank_result(host: str, result: Result, wanted: int) -> dict[str, Any]:
    ranks = list(result.get("ranks") or [])
    if result.get("unreachable"):
        detail = Message("host-unreachable", N_("host unreachable"))
    elif ranks:
        detail = Message("ranks", N_("{count} of {all}: {ranks}"), count=len(ranks), all=wanted, ranks=ranks)
    else:
        detail = Message("ranks", N_("{count} of {all}"), count=0, all=wanted)
    return _result(Message("ranks", N_("Ranks on {host}"), host=host), len(ranks) == wanted, detail)


def answer_results(
    api: Iterable[Result], gateways: Iterable[Result], webui: Result, engine: str, has_key: bool
) -> list[dict[str, Any]]:
    """Return the results of a successful verification: API, unauthenticated request, gateways, and Open WebUI.

    `api` holds the results of module `chat_completion` for each question, `gateways` those of module `gateway_answers`
    for each gateway, `webui` that of Open WebUI (skipped if it is not deployed).
    """
    answers = list(api)
    template = N_("{count} of {all} questions as expected, first in {seconds} s")
    right = Message("answers", template, count=len(answers), all=len(answers), seconds=_seconds(answers[0]))
    closed = Message("unauthenticated", N_("HTTP 401 without the key"))
    opened = Message("no-key", N_("{engine} does not support an API key"), engine=engine)
    results = [
        _result(Message("api", N_("API responds")), True, right),
        _result(Message("api-key", N_("API rejects unauthenticated requests")), has_key, closed if has_key else opened),
    ]
    results += [_gateway_result(result) for result in gateways]
    if not webui.get("skipped"):
        chatted = Message("chat", N_("signed in and chatted in {seconds} s"), seconds=_seconds(webui))
        results.append(_result(Message("webui", N_("Open WebUI responds")), True, chatted))
    return results


def state_results(
    ray: Result, ranks: Iterable[Result], engine: Result, gateways: Iterable[Result], webui: Result
) -> list[dict[str, Any]]:
    """Return the state of Ray, the ranks, the engine, the gateways and Open WebUI; skipped checks are omitted.

    `ranks` are check results; the others are results of modules `ray_cluster_facts`, `chat_completion` and
    `gateway_answers`.
    """
    results = []
    if not ray.get("skipped"):
        results.append(_result(Message("ray", "{component}", component="Ray"), bool(ray["ready"]), _progress(ray)))
    results += [dict(result) for result in ranks]
    results.append(_result(Message("engine", N_("Engine")), bool(engine["ready"]), _timed(engine)))
    results += [_gateway_result(result) for result in gateways]
    if not webui.get("skipped"):
        results.append(
            _result(Message("webui", "{component}", component="Open WebUI"), bool(webui["ready"]), _timed(webui))
        )
    return results


def _gateway_result(result: Result) -> dict[str, Any]:
    name = Message("gateway", N_("API through the gateway on {host}"), host=result["item"]["key"])
    if not result["ready"]:
        return _result(name, False, _progress(result))
    passed = N_("answered in {seconds} s over TLS, HTTP 401 without a key, models listed: {count}")
    detail = Message("gateway-answers", passed, seconds=_seconds(result), count=len(result["models"]))
    return _result(name, True, detail)


def failed_checks(results: Iterable[Result]) -> list[dict[str, Any]]:
    """Return the problem of the failed checks in JSON form; an empty list if all passed."""
    failed = [_failed_check(result) for result in results if not result["ok"]]
    return [Problem("checks-failed", _NOT_WORKING, _REPAIR, checks=failed).as_dict()] if failed else []


def _failed_check(result: Result) -> Message:
    name, detail = (Message.from_dict(result[key]) for key in ("name", "detail"))
    return Message("", N_("{name}: {detail}"), name=name, detail=detail)


def inventory_variable(name: str) -> dict[str, Any]:
    """Return the location of a secret set in the inventory, as a message in JSON form."""
    return Message("inventory-variable", N_("{variable} of the inventory"), variable=name).as_dict()


def _progress(result: Result) -> Message:
    return Message.from_dict(result["progress"]["text"])


def _timed(result: Result) -> Message:
    """Return the answer and how long it took; only the reason if there is none."""
    if not result["ready"]:
        return _progress(result)
    return Message("timed", N_("{result} in {seconds} s"), result=_progress(result), seconds=_seconds(result))


def _seconds(result: Result) -> float:
    return round(float(result["seconds"]), 1)


def _result(name: Message, ok: bool, detail: Message) -> dict[str, Any]:
    return {"name": name.as_dict(), "ok": ok, "detail": detail.as_dict()}
