"""Filters of the role report."""

from __future__ import annotations

from inferfleet.report.docker import shown_containers, shown_images


class FilterModule:
    """Filters by name."""

    def filters(self):
        """Return the filters by name."""
        return {"report_containers": shown_containers, "report_images": shown_images}
