"""Filters of the role bundle."""

from __future__ import annotations

from inferfleet.bundle import image_parts, system_parts


class FilterModule:
    """The filters by name."""

    def filters(self):
        """Return them."""
        return {"bundle_images": image_parts, "bundle_systems": system_parts}
