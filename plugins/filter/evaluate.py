"""Filters of the role evaluate."""

from __future__ import annotations

from inferfleet.evaluate.nodes import evaluated_nodes


class FilterModule:
    """The filters by name."""

    def filters(self):
        """Return them."""
        return {"evaluated_nodes": evaluated_nodes}
