"""Headings of the pages in docs/: a translated heading keeps the anchor of the English one, so that links are equal."""

import re
import unicodedata

from inferfleet.messages import gettext


def anchor_of(heading: str) -> str:
    """Return the anchor of a heading without an explicit one, as Python-Markdown's `toc` extension makes it."""
    ascii_only = unicodedata.normalize("NFKD", heading).encode("ascii", "ignore").decode()
    return re.sub(r"[-\s]+", "-", re.sub(r"[^\w\s-]", "", ascii_only).strip().lower())


def translated_heading(level: int, english: str, language: str) -> str:
    """Return the line of a heading, with the English anchor (`attr_list`) if its text is another one."""
    text = gettext(english, language)
    return f"{'#' * level} {text}" + (f" {{#{anchor_of(english)}}}" if text != english else "")
