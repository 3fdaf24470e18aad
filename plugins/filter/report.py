"""Filters of the role report."""

from __future__ import annotations

from inferfleet.report.docker import shown_containers, shown_images


class FilterModule:
    """The filters by name."""

    def filters(self):
        """Return them."""
        return {"report_containers": shown_containers, "report_images": shown_images}
