"""Links in README, CONTRIBUTING and docs lead to files and headings that exist."""

import re
from pathlib import Path

import pytest
from pymdownx.slugs import slugify

ROOT = Path(__file__).parents[3]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("lab/**/*.md")])
LINK = re.compile(r"\]\((?P<target>[^()\s]+)\)|^\[[^\]]+\]: (?P<reference>\S+)$", re.MULTILINE)
CODE = re.compile(r"^(?P<fence>```+).*?^(?P=fence)$|^(?: {4}|\t).*$|`[^`\n]+`", re.MULTILINE | re.DOTALL)
HEADING = re.compile(r'^#{1,6} +(?:<a id="(?P<id>[\w-]+)"></a>)?(?P<title>.+?) *$', re.MULTILINE)
GITHUB = slugify(case="lower")


def without_code(text: str) -> str:
    return CODE.sub("", text)


def anchors(text: str) -> set[str]:
    """Return the anchors of headings, as GitHub and the site make them, and explicit ones."""
    fences = re.sub(r"^(```+).*?^\1$", "", text, flags=re.MULTILINE | re.DOTALL)
    slugs = set(re.findall(r'<a (?:id|name)="([^"]+)"', text))
    for heading in HEADING.finditer(fences):
        title = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading["title"])
        slug = heading["id"] or GITHUB(title.replace("`", ""), "-")
        number = sum(known == slug or re.fullmatch(rf"{re.escape(slug)}[-_]\d+", known) is not None for known in slugs)
        slugs |= {slug} if not number else {f"{slug}-{number}", f"{slug}_{number}"}
    return slugs


def broken(page: Path, text: str) -> list[str]:
    problems = []
    for link in LINK.finditer(without_code(text)):
        target, _, anchor = (link["target"] or link["reference"]).partition("#")
        if re.match(r"[a-z]+:", target):
            continue
        file = (page.parent / target).resolve() if target else page
        if not file.exists():
            problems.append(f"{target}: no such file")
        elif anchor and file.suffix == ".md" and anchor not in anchors(file.read_text("utf-8")):
            problems.append(f"{target}#{anchor}: no such heading")
    return problems


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_to_files_and_headings(page: Path):
    assert broken(page, page.read_text("utf-8")) == []


def test_broken_links_are_noticed(tmp_path: Path):
    page = tmp_path / "page.md"
    text = "# A `b`: c\n\n[1](other.md) [2](#a-b-c) [3](#none) `[4](none.md)`\n\n[5]: missing.md#x\n"
    page.write_text(text)
    assert broken(page, text) == ["other.md: no such file", "#none: no such heading", "missing.md: no such file"]
