"""Filters of the driver roles."""

from __future__ import annotations

from inferfleet.drivers import gpudirect_by_peermem, install_needed, nvidia_flavour, restart_due


class FilterModule:
    """Filters by name."""

    def filters(self):
        """Return the filters by name."""
        return {
            "driver_install_needed": install_needed,
            "driver_restart_due": lambda facts: str(restart_due(facts) or ""),
            "gpudirect_by_peermem": gpudirect_by_peermem,
            "nvidia_flavour": nvidia_flavour,
        }
