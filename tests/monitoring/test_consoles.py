"""Prometheus' console pages in a browser, on a desktop and a telephone."""

from pathlib import Path

import pytest
from playwright.sync_api import expect, sync_playwright
from tests.monitoring.recorded import prometheus

from inferfleet.messages import gettext
from inferfleet.monitoring.dashboards import load_questions

CHROMIUM = "/usr/bin/chromium"  # Debian's; `make browser` installs it
PANELS = [panel for question in load_questions() for panel in question.panels]
WIDTHS = (1280, 390)


@pytest.fixture(scope="module")
def browser():
    assert Path(CHROMIUM).exists(), f"There is no {CHROMIUM}; `make browser` installs it."
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def server(browser, tmp_path_factory):
    with prometheus(tmp_path_factory.mktemp("prometheus")) as url:
        yield url


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize(("name", "language"), [("index.html", "en"), ("zh.html", "zh")])
def test_every_panel_is_drawn(server, browser, name, language, width):
    page = browser.new_page(viewport={"width": width, "height": 900})
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("requestfailed", lambda request: errors.append(request.url))
    page.goto(f"{server}/consoles/{name}")
    expect(page.locator("article svg")).to_have_count(len(PANELS))
    expect(page.locator("article .empty")).to_have_count(0)
    assert page.locator("html").get_attribute("lang") == language
    assert page.locator("h3").all_text_contents() == [gettext(panel.title, language) for panel in PANELS]
    assert page.locator("li b").count() >= len(PANELS)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "scrolls sideways"
    page.locator("#range").select_option("3600")
    expect(page.locator("article svg")).to_have_count(len(PANELS))
    assert errors == []
    page.close()


def test_page_reports_that_prometheus_does_not_answer(server, browser):
    page = browser.new_page()
    page.route("**/api/v1/query_range*", lambda route: route.fulfill(status=503))
    page.goto(f"{server}/consoles/index.html")
    expect(page.locator("#state")).to_have_text("Prometheus does not answer: HTTP 503")
    page.close()


def test_languages_link_to_each_other(server, browser):
    page = browser.new_page()
    page.goto(f"{server}/consoles/index.html")
    page.get_by_role("link", name="中文").click()
    expect(page.locator("html")).to_have_attribute("lang", "zh")
    page.get_by_role("link", name="English").click()
    expect(page.locator("html")).to_have_attribute("lang", "en")
    page.close()
