"""Adapt pages to the site: MkDocs calls these functions, named by `hooks` in mkdocs.yml.

Files outside of docs/en and docs/zh (decisions, CONTRIBUTING.md, source code) are not in the site. Links to them work
in a checkout; in the site they become the file's path.

The search plugin writes one index for all languages. It is divided, so that a page finds pages of its language only.
"""

import json
import logging
import re
from pathlib import Path, PurePosixPath

import jieba
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.plugins import event_priority
from mkdocs.structure.files import Files
from mkdocs.structure.pages import Page

_LANGUAGES = ("en", "zh")
_ANCHORED_HEADING = re.compile(r'^(#{1,6}) <a id="([\w-]+)"></a>(.+)$', re.MULTILINE)
_INLINE_CODE = re.compile(r"<code>[^<\n]*</code>")
_PARTS = re.compile(r"(?P<entity>&#?\w+;)|(?P<option>(?<![\w-])--?\w[\w-]*)|(?P<separator>(?<=\w)[-_/.,:=]+(?=\w))")
_REPLACEMENTS = {"entity": "{}", "option": '<span class="unbroken">{}</span>', "separator": "{}<wbr>"}
_LINK = re.compile(r"(?<!!)\[(?P<text>[^\[\]]+)\]\((?P<target>\.\./[^)\s#]+)(?:#[^)\s]*)?\)")


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Keep the messages of the tokenizer out of the build's output."""
    jieba.setLogLevel(logging.WARNING)
    return config


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Return the page with the anchors of headings as attributes, and paths in place of links to files outside."""
    markdown = _ANCHORED_HEADING.sub(r"\1 \3 {#\2}", markdown)
    source = page.file.abs_src_path
    if source is None:
        return markdown
    return outside_links(markdown, Path(source), Path(config.docs_dir))


def on_page_content(html: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Return the page with code that a narrow column breaks after separators, without the backslashes of pipes.

    GitHub removes the backslash of a pipe in a table's code as well.
    """
    return _INLINE_CODE.sub(lambda code: breakable(code[0].replace(r"\|", "|")), html)


def breakable(code: str) -> str:
    """Return inline code that a browser may break after its separators, but not within an option."""
    return _PARTS.sub(lambda part: _REPLACEMENTS[str(part.lastgroup)].format(part[0]), code)


def on_post_page(output: str, page: Page, config: MkDocsConfig) -> str:
    """Return the page with its language's folder as the one that has the search index and the pages it finds."""
    for language in _LANGUAGES[1:]:
        if page.url.startswith(f"{language}/"):
            return output.replace('"base": ".."', '"base": "."', 1)
    return output


@event_priority(-100)  # after the search plugin and the one that builds the languages
def on_post_build(config: MkDocsConfig) -> None:
    """Write a search index for each language that the one of MkDocs has."""
    site = Path(config.site_dir)
    main = site / "search" / "search_index.json"
    index = json.loads(main.read_text("utf-8"))
    for language in _LANGUAGES[1:]:
        prefix = f"{language}/"
        if not any(entry["location"].startswith(prefix) for entry in index["docs"]):
            continue  # called once for each language; the index has this one later
        own = [entry for entry in index["docs"] if entry["location"].startswith(prefix)]
        index["docs"] = [entry for entry in index["docs"] if entry not in own]
        docs = [{**entry, "location": entry["location"].removeprefix(prefix)} for entry in own]
        target = site / language / "search" / main.name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(json.dumps({**index, "docs": docs}, ensure_ascii=False), "utf-8")
    main.write_text(json.dumps(index, ensure_ascii=False), "utf-8")


def outside_links(markdown: str, source: Path, docs: Path) -> str:
    """Return `markdown` of the file `source` without links that leave the folders of the languages.

    Raises PluginError for a file that does not exist.
    """

    def path_of(link: re.Match[str]) -> str:
        target = (source.parent / link["target"]).resolve()
        if any(target.is_relative_to(docs / language) for language in _LANGUAGES):
            return link[0]
        if not target.exists():
            raise PluginError(f"{source}: {link['target']} does not exist")
        path = PurePosixPath(target.relative_to(docs.parent))
        return f"{link['text']} (`{path}`)" if link["text"].strip("`/") != str(path) else f"`{path}`"

    return _LINK.sub(path_of, markdown)
