"""Translations of templates: gettext catalogs, one domain per area, in ../locale/<language>/LC_MESSAGES."""

import gettext as _gettext
import io
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).resolve().parent.parent / "locale"
_LOCALES = {"zh": "zh_CN"}
"""Locale folder of each translation; templates are English."""


def gettext(template: str, language: str) -> str:
    """Return the template in `language`, or the template itself if it has no translation."""
    if not template or language not in _LOCALES:
        return template
    return _translations(_LOCALES[language]).gettext(template)


@cache
def _translations(locale: str) -> _gettext.NullTranslations:
    """Return all domains of a locale, chained as fallbacks, from current `.mo` or else `.po` files."""
    domains = _gettext.NullTranslations()
    for source in sorted((FOLDER / locale / "LC_MESSAGES").glob("*.po")):
        domains.add_fallback(_read(source))
    return domains


def _read(source: Path) -> _gettext.GNUTranslations:
    compiled = source.with_suffix(".mo")
    if compiled.is_file() and compiled.stat().st_mtime >= source.stat().st_mtime:
        with compiled.open("rb") as file:
            return _gettext.GNUTranslations(file)
    # The catalog was edited after installation: compile it in memory.
    from babel.messages.mofile import write_mo
    from babel.messages.pofile import read_po

    buffer = io.BytesIO()
    with source.open("rb") as file:
        write_mo(buffer, read_po(file, locale=locale_of(source), domain=source.stem))
    buffer.seek(0)
    return _gettext.GNUTranslations(buffer)


def locale_of(source: Path) -> str:
    """Return the locale of a catalog file: the name of its grandparent folder."""
    return source.parent.parent.name
