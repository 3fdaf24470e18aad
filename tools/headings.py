"""Headings of the pages in docs/: a translated heading keeps the anchor of the English one, so that links are equal."""

import re

from inferfleet.messages import gettext


def anchor_of(heading: str) -> str:
    """Return the anchor of a heading without an explicit one, as GitHub and the site make it (mkdocs.yml)."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


def translated_heading(level: int, english: str, language: str) -> str:
    """Return the line of a heading, with the English anchor if its text is another one."""
    text = gettext(english, language)
    anchor = f'<a id="{anchor_of(english)}"></a>' if text != english else ""
    return f"{'#' * level} {anchor}{text}"
