"""The dashboard: each query of each panel has data in a real Prometheus, and the generated files are current."""

import json
import math
import re

import pytest
from tests.monitoring.recorded import CONSOLES, ROOT, prometheus, results

from inferfleet.messages import gettext
from inferfleet.monitoring.dashboards import LANGUAGES, dashboard_texts, generated_files, load_questions

QUERIES = [
    pytest.param(query.expr, id=f"{panel.title} {query.name}".strip())
    for question in load_questions()
    for panel in question.panels
    for query in panel.drawn()
]


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with prometheus(tmp_path_factory.mktemp("prometheus")) as url:
        yield url


@pytest.mark.parametrize("expr", QUERIES)
def test_query_has_data(server, expr):
    series = results(server, expr)
    assert [one for one in series if math.isfinite(float(one["value"][1]))], expr


def test_query_without_data_is_noticed(server):
    assert results(server, "sum(inferfleet:requests_of_nobody)") == []


def test_series_are_named_by_labels_that_they_have(server):
    for question in load_questions():
        for panel in question.panels:
            for query in panel.drawn():
                assert all(set(query.by) <= set(one["metric"]) for one in results(server, query.expr)), query


def test_values_are_those_of_the_recordings(server):
    last = (ROOT / "tests/fixtures/monitoring/usage.2.prom").read_text()
    expected = float(
        re.search(r'^inferfleet_client_prompt_tokens_total{client="bob",model="small"} (.*)$', last, re.M)[1]
    )
    (series,) = results(server, 'inferfleet_client_prompt_tokens_total{client="bob",model="small"}')
    assert float(series["value"][1]) == expected


@pytest.mark.parametrize(("name", "text"), generated_files().items())
def test_generated_files_are_current(name, text):
    assert (ROOT / name).read_text("utf-8") == text, "run `python -m tools.dashboards`"


@pytest.mark.parametrize("language", LANGUAGES)
def test_grafana_has_every_query_in_its_place(language):
    dashboard = json.loads(generated_files()[f"src/inferfleet/monitoring/dashboards/grafana.{language}.json"])
    panels = [panel for panel in dashboard["panels"] if panel["type"] != "row"]
    assert [target["expr"] for panel in panels for target in panel["targets"]] == [query.values[0] for query in QUERIES]
    assert len({panel["id"] for panel in dashboard["panels"]}) == len(dashboard["panels"])
    taken = [
        (p["gridPos"]["x"], y) for p in panels for y in range(p["gridPos"]["y"], p["gridPos"]["y"] + p["gridPos"]["h"])
    ]
    assert len(set(taken)) == len(taken)


def test_every_text_has_a_translation():
    assert [text for text in dashboard_texts() if gettext(text, "zh") == text] == []


def test_pages_have_nothing_that_a_template_would_expand():
    for page in CONSOLES.glob("*.html"):
        assert "{{" not in page.read_text("utf-8")
