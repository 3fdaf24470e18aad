"""All settings of a user, in one typed model."""

from inferfleet.settings.clients import INTERNAL_CLIENTS, ApiClient
from inferfleet.settings.model import HOST_KEYS, SECRETS, SECTIONS, WITH_SECRETS, HostSettings, Settings
from inferfleet.settings.validators import UnfitValueError
from inferfleet.settings.values import Choices, Unit, choices

__all__ = [
    "HOST_KEYS",
    "INTERNAL_CLIENTS",
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
