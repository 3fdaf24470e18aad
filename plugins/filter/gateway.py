"""Filters of the gateway (see inferfleet.gateway)."""

from __future__ import annotations

from inferfleet.gateway import access


class FilterModule:
    """Filters by name."""

    def filters(self):
        """Return the filters by name."""
        return {"gateway_access": access}
