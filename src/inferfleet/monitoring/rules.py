"""Prometheus' rule file, and the file with which `promtool test rules` tests it."""

import re
from collections.abc import Iterator
from pathlib import Path
from string import Template
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, TypeAdapter

from inferfleet.messages import gettext
from inferfleet.monitoring.alerts import Alert, Case, Thresholds, load_alerts

_BY = "node, replica, instance"
_TEXTS = ("cause", "check", "remedy")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_DURATION = re.compile(r"\b(\d+)([smhd])\b")
_WINDOW = re.compile(r"(?<=\[)\d+[smhd](?=\])|(?<=\boffset )\d+[smhd]")
_SHORTEST_WINDOW = 4
"""Scrapes; a rate needs several."""


class _Measure(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    combine: Literal["sum", "max", "histogram"]  # of the ranks of a replica
    names: tuple[str, ...]


def render_rules(thresholds: Thresholds, language: str = "en", interval: int = 15) -> str:
    """Return the rule file: recording rules over the engines' metrics, then the alerts, in `en` or `zh`.

    `interval` is the number of seconds between two scrapes.
    """
    groups = [
        {"name": "inferfleet_engines", "rules": list(_recordings())},
        {
            "name": "inferfleet",
            "rules": [_rule(alert, thresholds, language, interval) for alert in _active(thresholds)],
        },
    ]
    return yaml.safe_dump({"groups": groups}, sort_keys=False, allow_unicode=True, width=1000)


def promtool_tests(rules: str, thresholds: Thresholds, language: str = "en") -> str:
    """Return the tests of the rule file at path `rules`: each alert fires in its case, and is silent when healthy."""
    tests = [
        _test(alert, case, language, fires=case is alert.fires)
        for alert in _active(thresholds)
        for case in (alert.fires, alert.healthy)
    ]
    order = ["inferfleet_engines", "inferfleet"]
    content = {"rule_files": [rules], "evaluation_interval": "1m", "group_eval_order": order, "tests": tests}
    return yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=1000)


def _active(thresholds: Thresholds) -> Iterator[Alert]:
    return (alert for alert in load_alerts() if not alert.threshold or getattr(thresholds, alert.threshold))


def _recordings() -> Iterator[dict[str, str]]:
    content = yaml.safe_load(Path(__file__).with_name("engines.yml").read_text("utf-8"))
    for key, measure in TypeAdapter(dict[str, _Measure]).validate_python(content).items():
        function, by = ("sum", f"{_BY}, le") if measure.combine == "histogram" else (measure.combine, _BY)
        selector = f'{{__name__=~"{"|".join(measure.names)}"}}'
        yield {"record": f"inferfleet:{key}", "expr": f"{function} by ({by}) ({selector})"}


def _rule(alert: Alert, thresholds: Thresholds, language: str, interval: int) -> dict[str, Any]:
    factor = thresholds.time_factor
    expr = _WINDOW.sub(lambda window: shortened(window[0], factor, _SHORTEST_WINDOW * interval), alert.expr)
    return {
        "alert": alert.name,
        "expr": Template(expr).substitute(vars(thresholds)),
        "for": shortened(alert.wait, factor),
        "labels": {"severity": alert.severity},
        "annotations": _annotations(alert, language),
    }


def shortened(duration: str, factor: float, least: int = 0) -> str:
    """Return a duration of PromQL multiplied by a factor, at least `least` seconds; factor 1 changes nothing."""
    number, unit = _DURATION.fullmatch(duration).groups()  # type: ignore[union-attr] # checked by the schema
    seconds = int(number) * _SECONDS[unit]
    return duration if factor == 1 else f"{max(min(least, seconds), round(seconds * factor))}s"


def _annotations(alert: Alert, language: str) -> dict[str, str]:
    texts = alert.described()
    parts = {key: _literal(gettext(getattr(texts, key), language)) for key in _TEXTS}
    return {"summary": _literal(gettext(texts.title, language)), **parts, "description": "\n".join(parts.values())}


def _literal(text: str) -> str:
    """Return a text as Prometheus' templates print it: braces would start an expression."""
    return text.replace("{{", '{{ "{{" }}')


def _test(alert: Alert, case: Case, language: str, *, fires: bool) -> dict[str, Any]:
    expected = {"exp_labels": {"severity": alert.severity, **case.labels}}
    texts = _annotations(alert, language)
    return {
        "name": f"{alert.name} {'fires' if fires else 'is silent'}",
        "interval": "1m",
        "input_series": [{"series": series, "values": values} for series, values in case.series.items()],
        "alert_rule_test": [
            {
                "eval_time": case.at,
                "alertname": alert.name,
                "exp_alerts": [{**expected, "exp_annotations": texts}] if fires else [],
            }
        ],
    }
