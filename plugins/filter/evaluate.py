"""Filters of the role evaluate."""

from __future__ import annotations

from inferfleet.evaluate.nodes import evaluated_nodes


class FilterModule:
    """Filters by name."""

    def filters(self):
        """Return the filters by name."""
        return {"evaluated_nodes": evaluated_nodes}
