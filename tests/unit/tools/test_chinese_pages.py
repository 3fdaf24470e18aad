"""Each page of docs/en has a Chinese page with the same structure in docs/zh.

If a test fails after a change of an English page: make the same change in the Chinese one (generated pages: fill in the
catalog, then `make references`).
"""

import re
from collections.abc import Collection
from itertools import zip_longest
from pathlib import Path

import pytest
from tests.unit.tools.markdown_page import Section, anchors, parse_page, read_page

ROOT = Path(__file__).parents[3]
ENGLISH, CHINESE = ROOT / "docs/en", ROOT / "docs/zh"
PAGES = sorted(str(path.relative_to(ENGLISH)) for path in ENGLISH.rglob("*.md"))
HAN = re.compile("[\u4e00-\u9fff]")
ASCII_MARK = re.compile(f"{HAN.pattern}[,;:!?](?!\\w)|{HAN.pattern}\\.(?=\\s|$)")


def test_pages_are_the_same() -> None:
    assert sorted(str(path.relative_to(CHINESE)) for path in CHINESE.rglob("*.md")) == PAGES


@pytest.mark.parametrize("name", PAGES)
def test_page_has_the_structure_of_the_english_one(name: str) -> None:
    differences = compare(read_page(ENGLISH / name), read_page(CHINESE / name))
    assert not differences, "\n" + "\n".join(f"docs/zh/{name}: {text}" for text in differences)


@pytest.mark.parametrize("name", PAGES)
def test_links_resolve(name: str) -> None:
    broken = [link for section in read_page(CHINESE / name) for link in section.links() if not resolves(name, link)]
    assert broken == []


@pytest.mark.parametrize("name", PAGES)
def test_texts_are_chinese(name: str) -> None:
    sections = read_page(CHINESE / name)
    texts = [re.sub(r"`[^`]*`|^\[\w+\]: .*$", "`", section.text, flags=re.MULTILINE) for section in sections]
    paragraphs = [line for text in texts for line in text.splitlines()]
    english = [line for line in paragraphs if len(re.findall(r"[a-z]{2,}", line)) > 8 and not HAN.search(line)]
    assert english == []
    assert [line for line in paragraphs if ASCII_MARK.search(line)] == []


@pytest.mark.parametrize("name", PAGES)
def test_headings_have_no_attributes(name: str) -> None:
    """GitHub shows `{#anchor}` as text."""
    pages = [read_page(folder / name) for folder in (ENGLISH, CHINESE)]
    assert [section.title for page in pages for section in page if "{" in re.sub(r"`[^`]*`", "", section.title)] == []


def test_readme_has_the_content_of_the_english_one() -> None:
    texts = [(ROOT / name).read_text("utf-8") for name in ("README.md", "README.zh-CN.md")]
    english, chinese = (
        parse_page(
            text.replace("README.zh-CN.md", "README").replace("README.md", "README").replace("docs/zh/", "docs/en/")
        )
        for text in texts
    )
    for section in (*english, *chinese):
        section.anchor = ""  # nothing links to them
    differences = compare(english, chinese)
    assert not differences, "\n" + "\n".join(f"README.zh-CN.md: {text}" for text in differences)


def compare(english: list[Section], chinese: list[Section]) -> list[str]:
    """Return how the sections of two pages differ."""
    found = []
    for ours, theirs in zip_longest(english, chinese):
        if ours is None or theirs is None or key(ours) != key(theirs):
            return [*found, f"section {place(theirs)} instead of {place(ours)}"]
        pairs = {
            "code": (ours.code, theirs.code),
            "paragraphs, tables and items": (ours.blocks(), theirs.blocks()),
            "rows and columns of tables": (ours.tables, theirs.tables),
            "links": (ours.links(), sorted(link.replace("../en/images/", "images/") for link in theirs.links())),
            "code spans": (ours.code_spans(), theirs.code_spans()),
            "numbers": (ours.numbers(), ours.numbers() & theirs.numbers()),
        }
        for what, (expected, actual) in pairs.items():
            if expected != actual:
                found.append(f"section {place(ours)}: {what}: {differing(expected, actual)}")
    return found


def key(section: Section) -> tuple[int, str]:
    """Return the level and the anchor; nothing links to that of a page's title."""
    return section.level, section.anchor if section.level > 1 else ""


def place(section: Section | None) -> str:
    return f"{'#' * section.level} {section.title} (#{section.anchor})" if section else "the end of the page"


def differing(expected: Collection[object], actual: Collection[object]) -> str:
    missing = [item for item in expected if item not in actual]
    surplus = [item for item in actual if item not in expected]
    return f"missing {missing}, surplus {surplus}" if missing or surplus else f"{expected} instead of {actual}"


def resolves(name: str, link: str) -> bool:
    if "://" in link:
        return True
    file, _, anchor = link.partition("#")
    target = (CHINESE / name).parent / file if file else CHINESE / name
    return target.exists() and (not anchor or target.suffix != ".md" or anchor in anchors(target))


ORIGINAL = """\
# Gateway

See [x](a.md#b), at most 30 s (`wait`).

    run it  # now

## Ports

| a | b |
|---|---|
| 1 | 2 |
"""
TRANSLATION = """\
# 网关

最多 30 s（`wait`），见 [x](a.md#b)。

    run it  # 现在

## <a id="ports"></a>端口

| a | b |
|---|---|
| 1 | 2 |
"""


def test_translation_with_the_same_structure_is_accepted() -> None:
    assert parse_page(ORIGINAL)[0].anchor == "gateway"
    assert compare(parse_page(ORIGINAL), parse_page(TRANSLATION)) == []


@pytest.mark.parametrize(
    ("change", "by"),
    [
        ("30 s", "60 s"),
        ("`wait`", "`wait_seconds`"),
        ("a.md#b", "a.md#c"),
        ("run it", "run that"),
        ("## Ports", "## Open ports"),
        ("## Ports", "### Ports"),
        ("| 1 | 2 |", "| 1 | 2 |\n| 3 | 4 |"),
        ("| 1 | 2 |", "| 1 | 2 | 3 |"),
        ("## Ports", "## Protocols\n\n## Ports"),
        ("## Ports", "Errors are in OpenAI's format.\n\n## Ports"),
        ("See [x]", "- See [x]"),
    ],
)
def test_change_of_the_english_page_alone_is_found(change: str, by: str) -> None:
    assert change in ORIGINAL
    assert compare(parse_page(ORIGINAL.replace(change, by)), parse_page(ORIGINAL))
