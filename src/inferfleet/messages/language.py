"""The language in which the process writes for people."""

from collections.abc import Mapping
from contextvars import ContextVar

LANGUAGES = ("en", "zh")
"""Languages that there are texts in; the first is the one of the templates."""
VARIABLE = "INFERFLEET_LANG"
"""Environment variable that names the language."""

_current: ContextVar[str] = ContextVar("language", default=LANGUAGES[0])


def current_language() -> str:
    """Return `en` or `zh`: what `use_language` set, English before."""
    return _current.get()


def use_language(language: str) -> None:
    """Write in `language` (`en` or `zh`) from here on.

    Raises:
        ValueError: there are no texts in that language.
    """
    if language not in LANGUAGES:
        raise ValueError(f"{language!r} is not one of {', '.join(LANGUAGES)}")
    _current.set(language)


def language_from(option: str, environment: Mapping[str, str]) -> str:
    """Return the language that an option names, else INFERFLEET_LANG, else the locale of the environment.

    A locale variable that is set decides, in the order of POSIX (LC_ALL, LC_MESSAGES, LANG); what is no language of
    ours is English, `zh_CN.UTF-8` is Chinese.
    """
    names = (option, environment.get(VARIABLE, ""))
    locale = (environment.get(name, "") for name in ("LC_ALL", "LC_MESSAGES", "LANG"))
    named = next((name for name in (*names, *locale) if name), "")
    return "zh" if named.lower().replace("-", "_").split("_")[0].split(".")[0] == "zh" else LANGUAGES[0]
