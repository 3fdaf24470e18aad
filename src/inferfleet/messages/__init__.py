"""User-visible texts as data until they are printed: an English template, its parameters, and translations."""

from inferfleet.messages.language import current_language, language_from, use_language
from inferfleet.messages.message import N_, Message, literal
from inferfleet.messages.problem import Problem
from inferfleet.messages.reason import InvalidValueError, os_reason, reason_of
from inferfleet.messages.translations import gettext

__all__ = [
    "N_",
    "InvalidValueError",
    "Message",
    "Problem",
    "current_language",
    "gettext",
    "language_from",
    "literal",
    "os_reason",
    "reason_of",
    "use_language",
]
