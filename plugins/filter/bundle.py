"""Filters of the role bundle."""

from __future__ import annotations

from inferfleet.bundle import image_parts, system_parts


class FilterModule:
    """Filters by name."""

    def filters(self):
        """Return the filters by name."""
        return {"bundle_images": image_parts, "bundle_systems": system_parts}
