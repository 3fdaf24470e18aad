"""The dashboard as data (dashboards/overview.yml), for Grafana and as a console page of Prometheus."""

import html
import json
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, model_validator

from inferfleet.messages import N_, InvalidValueError, gettext

FOLDER = Path(__file__).with_name("dashboards")
LANGUAGES = {"en": "English", "zh": "中文"}
_PERCENTILES = (50, 95, 99)
_UNITS = {"count": "short", "seconds": "s", "ratio": "percentunit", "watts": "watt"}
"""Grafana's units (packages/grafana-data/src/valueFormats/categories.ts)."""
_COLUMNS, _WIDTH, _HEIGHT = 3, 8, 8
"""Panels in a row, and their size in Grafana's grid of 24 columns."""
_TITLE = N_("inferfleet: overview")
_TEXTS = {
    "range": N_("Time span"),
    "empty": N_("No data."),
    "failed": N_("Prometheus does not answer: {reason}"),
    "updated": N_("Updated at {time}"),
}
NAMES = {
    "prompt": N_("prompt"),
    "generated": N_("generated"),
    "running": N_("running"),
    "waiting": N_("waiting"),
}
"""Names of series in the data."""


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Query(_Entry):
    """A query in PromQL; its series are named by `name` and the values of the labels `by`."""

    expr: str
    by: tuple[str, ...] = ()
    name: str = ""


class Panel(_Entry):
    """Queries that are drawn together."""

    title: str
    unit: Literal["count", "seconds", "ratio", "watts"]
    queries: tuple[Query, ...] = ()
    percentiles: str = (
        ""  # instead of `queries`: a histogram's buckets, whose 50th, 95th and 99th percentiles are drawn
    )
    needs: Literal["", "gpu"] = ""  # what its metrics need, so that it can be empty

    @model_validator(mode="after")
    def _has_queries(self) -> "Panel":
        if bool(self.queries) == bool(self.percentiles):
            raise InvalidValueError(N_("a panel has either queries or percentiles"))
        return self

    def drawn(self) -> tuple[Query, ...]:
        """Return its queries."""
        rate = f"sum by (le) (rate({self.percentiles}[5m]))"
        return self.queries or tuple(
            Query(expr=f"histogram_quantile({percent / 100:g}, {rate})", name=f"p{percent}") for percent in _PERCENTILES
        )


class Question(_Entry):
    """A question that panels answer."""

    title: str
    panels: Annotated[tuple[Panel, ...], Field(min_length=1)]


@cache
def load_questions() -> tuple[Question, ...]:
    """Return the questions in their order."""
    content = yaml.safe_load((FOLDER / "overview.yml").read_text("utf-8"))
    return TypeAdapter(tuple[Question, ...]).validate_python(content)


def dashboard_texts() -> list[str]:
    """Return the texts of the data, for translation."""
    return [text for question in load_questions() for text in (question.title, *(p.title for p in question.panels))]


def generated_files() -> dict[str, str]:
    """Return the generated files by their path in the repository."""
    files = {}
    for language in LANGUAGES:
        files[f"src/inferfleet/monitoring/dashboards/grafana.{language}.json"] = grafana_dashboard(language)
        name = "index.html" if language == "en" else f"{language}.html"
        files[f"roles/monitoring/files/consoles/{name}"] = console_page(language)
    return files


def grafana_dashboard(language: str) -> str:
    """Return the dashboard in Grafana's JSON (grafana.com/docs, "JSON model"), with a variable for its data source."""
    panels: list[dict[str, Any]] = []
    top = 0
    for question in load_questions():
        panels.append(_row(gettext(question.title, language), len(panels) + 1, top))
        for number, panel in enumerate(question.panels):
            line, column = divmod(number, _COLUMNS)
            place = {"x": column * _WIDTH, "y": top + 1 + line * _HEIGHT, "w": _WIDTH, "h": _HEIGHT}
            panels.append(_panel(panel, len(panels) + 1, place, language))
        top += 1 + -(-len(question.panels) // _COLUMNS) * _HEIGHT
    source = {"name": "datasource", "type": "datasource", "query": "prometheus", "label": "Prometheus", "current": {}}
    dashboard = {
        "uid": f"inferfleet-{language}",
        "title": gettext(_TITLE, language),
        "tags": ["inferfleet"],
        "timezone": "browser",
        "schemaVersion": 39,  # of Grafana 11 (kinds/dashboard/dashboard_kind.cue); newer releases convert it
        "editable": False,
        "refresh": "30s",
        "time": {"from": "now-6h", "to": "now"},
        "templating": {"list": [source]},
        "panels": panels,
    }
    return json.dumps(dashboard, indent=1, ensure_ascii=False) + "\n"


def _row(title: str, number: int, top: int) -> dict[str, Any]:
    place = {"x": 0, "y": top, "w": 24, "h": 1}
    return {"id": number, "type": "row", "title": title, "collapsed": False, "gridPos": place, "panels": []}


def _panel(panel: Panel, number: int, place: dict[str, int], language: str) -> dict[str, Any]:
    source = {"type": "prometheus", "uid": "${datasource}"}
    targets = [
        {
            "refId": chr(ord("A") + index),
            "datasource": source,
            "expr": query.expr,
            "legendFormat": _legend(query, language),
        }
        for index, query in enumerate(panel.drawn())
    ]
    limits = {"min": 0, "max": 1} if panel.unit == "ratio" else {"min": 0}
    return {
        "id": number,
        "type": "timeseries",
        "title": gettext(panel.title, language),
        "gridPos": place,
        "datasource": source,
        "fieldConfig": {"defaults": {"unit": _UNITS[panel.unit], **limits}, "overrides": []},
        "options": {
            "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True, "calcs": ["lastNotNull"]},
            "tooltip": {"mode": "multi", "sort": "desc"},
        },
        "targets": targets,
    }


def _legend(query: Query, language: str) -> str:
    words = [f"{{{{{label}}}}}" for label in query.by]
    return " ".join([*words, *([_name(query, language)] if query.name else [])]) or " "


def _name(query: Query, language: str) -> str:
    return gettext(NAMES[query.name], language) if query.name in NAMES else query.name


def console_page(language: str) -> str:
    """Return the page for Prometheus' console templates; it needs nothing but Prometheus' API."""
    questions = [
        {
            "title": gettext(question.title, language),
            "panels": [
                {
                    "title": gettext(panel.title, language),
                    "unit": panel.unit,
                    "queries": [
                        {"expr": query.expr, "by": query.by, "name": _name(query, language)} for query in panel.drawn()
                    ],
                }
                for panel in question.panels
            ],
        }
        for question in load_questions()
    ]
    texts = {key: gettext(text, language) for key, text in _TEXTS.items()}
    # `</` would end the script, and `{{` would begin an expression of Prometheus' template.
    data = json.dumps({"questions": questions, "texts": texts}, ensure_ascii=False).replace("</", "<\\/")
    page = (FOLDER / "console.html").read_text("utf-8")
    values = {"language": language, "title": html.escape(gettext(_TITLE, language)), "data": data}
    for name, value in values.items():
        page = page.replace(f"@{name}@", value)
    return page
