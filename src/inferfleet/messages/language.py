"""The language of user-visible texts of the process."""

from collections.abc import Mapping
from contextvars import ContextVar

LANGUAGES = ("en", "zh")
"""Supported languages; the first is that of the templates."""
VARIABLE = "INFERFLEET_LANG"
"""Environment variable that names the language."""

_current: ContextVar[str] = ContextVar("language", default=LANGUAGES[0])


def current_language() -> str:
    """Return `en` or `zh`, as set by `use_language`; English by default."""
    return _current.get()


def use_language(language: str) -> None:
    """Print texts in `language` (`en` or `zh`) from now on.

    Raises:
        ValueError: the language is not supported.
    """
    if language not in LANGUAGES:
        raise ValueError(f"{language!r} is not one of {', '.join(LANGUAGES)}")
    _current.set(language)


def language_from(option: str, environment: Mapping[str, str]) -> str:
    """Return the language of the option, else of INFERFLEET_LANG, else of the locale in the environment.

    The first locale variable that is set decides, in POSIX order (LC_ALL, LC_MESSAGES, LANG); an unsupported language
    means English, `zh_CN.UTF-8` Chinese.
    """
    names = (option, environment.get(VARIABLE, ""))
    locale = (environment.get(name, "") for name in ("LC_ALL", "LC_MESSAGES", "LANG"))
    named = next((name for name in (*names, *locale) if name), "")
    return "zh" if named.lower().replace("-", "_").split("_")[0].split(".")[0] == "zh" else LANGUAGES[0]
