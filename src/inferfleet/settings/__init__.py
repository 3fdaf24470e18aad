"""All settings of a user, in one typed model."""

from inferfleet.settings.model import (
    HOST_KEYS,
    SECRETS,
    SECTIONS,
    WITH_SECRETS,
    ApiClient,
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
    "WITH_SECRETS",
    "ApiClient",
    "Choices",
    "HostSettings",
    "Settings",
    "UnfitValueError",
    "Unit",
    "choices",
]
