"""Everything a user can set: the one typed model of it."""

from inferfleet.settings.model import (
    HOST_KEYS,
    SECRETS,
    SECTIONS,
    Choices,
    HostSettings,
    Settings,
    UnfitValueError,
    Unit,
    choices,
)

__all__ = [
    "HOST_KEYS",
    "SECRETS",
    "SECTIONS",
    "Choices",
    "HostSettings",
    "Settings",
    "UnfitValueError",
    "Unit",
    "choices",
]
