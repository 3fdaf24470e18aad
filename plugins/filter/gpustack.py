"""Filters of the role gpustack."""

from __future__ import annotations

from inferfleet.engines.gpustack.command import gpustack_parameters


class FilterModule:
    """The filters by name."""

    def filters(self):
        """Return them."""
        return {"gpustack_parameters": gpustack_parameters}
