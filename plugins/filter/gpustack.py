"""Filters of the role gpustack."""

from __future__ import annotations

from inferfleet.engines.gpustack.command import gpustack_parameters


class FilterModule:
    """Filters by name."""

    def filters(self):
        """Return the filters by name."""
        return {"gpustack_parameters": gpustack_parameters}
