"""Changes of a running deployment: which replicas are replaced in which order, and the releases to return to."""

from inferfleet.upgrade.releases import (
    FOLDER,
    ReleaseFolder,
    ReleaseMissingError,
    recorded_settings,
    release_of,
)
from inferfleet.upgrade.roll import Roll, driver_order, interruption, plan_roll, touched

__all__ = [
    "FOLDER",
    "ReleaseFolder",
    "ReleaseMissingError",
    "Roll",
    "driver_order",
    "interruption",
    "plan_roll",
    "recorded_settings",
    "release_of",
    "touched",
]
