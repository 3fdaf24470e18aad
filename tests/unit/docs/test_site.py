"""The site builds strictly, without network access, in both languages, and requests nothing from other hosts."""

import json
import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
LOADING = {("img", "src"), ("script", "src"), ("iframe", "src"), ("link", "href"), ("source", "srcset")}


class Requests(HTMLParser):
    """Collect what a browser requests when it opens a page."""

    def __init__(self) -> None:
        super().__init__()
        self.urls: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if values.get("rel") not in ("canonical", "alternate", "next", "prev"):
            self.urls += [value for name, value in attrs if value and (tag, name) in LOADING]


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--quiet", "--site-dir", str(folder)]
    # A network namespace of its own has no interface but a loopback that is down.
    isolated = ["unshare", "--net"] if os.geteuid() == 0 else ["unshare", "--map-root-user", "--net"]
    run = subprocess.run([*isolated, *command], cwd=ROOT, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    return folder


def test_every_page_exists_in_both_languages(site: Path):
    pages = {path.with_suffix(".html").name for path in (ROOT / "docs/en").glob("*.md")}
    assert {"index.html", "cli.html"} < pages
    for folder in (site, site / "zh"):
        assert pages <= {path.name for path in folder.glob("*.html")}
    assert 'lang="zh"' in (site / "zh/settings.html").read_text("utf-8")


def test_pages_request_nothing_from_other_hosts(site: Path):
    for path in site.rglob("*.html"):
        parser = Requests()
        parser.feed(path.read_text("utf-8"))
        assert [url for url in parser.urls if re.match(r"(https?:)?//", url)] == [], path
        assert "fonts.googleapis" not in path.read_text("utf-8")
    assert not [path for path in site.rglob("*.css") if "url(http" in path.read_text("utf-8")]


def test_anchors_and_pipes_are_shown_as_on_github(site: Path):
    text = (site / "zh/cli.html").read_text("utf-8")
    assert '<h2 id="options">选项' in text
    assert "--progress auto|plain|json" in re.sub("<[^>]*>", "", text)


def test_links_to_files_outside_of_the_site_become_paths(site: Path):
    text = (site / "gateway.html").read_text("utf-8")
    assert "docs/decisions/gateway.md" in re.sub("<[^>]*>", "", text)
    assert not re.search(r'href="[^"]*decisions', text)


@pytest.mark.parametrize(("folder", "word", "page"), [("", "gateway", "gateway.html"), ("zh", "清单", "settings.html")])
def test_the_search_index_of_a_language_has_its_words(site: Path, folder: str, word: str, page: str):
    index = json.loads((site / folder / "search/search_index.json").read_text("utf-8"))
    locations = {entry["location"].partition("#")[0] for entry in index["docs"]}
    assert not [location for location in locations if location.startswith("zh/")]
    words = {
        part
        for entry in index["docs"]
        if entry["location"].startswith(page)
        for part in re.split(r"[\s\u200b，。：、<>/]+", entry["text"] + entry["title"])
    }
    assert word in {part.lower() for part in words}
