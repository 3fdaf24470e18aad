"""Filters of the role report."""

from __future__ import annotations

from inferfleet.report.docker import shown_containers, shown_images
from inferfleet.report.last_day import last_day_query


class FilterModule:
    """Filters by name."""

    def filters(self):
        """Return the filters by name."""
        return {
            "last_day_query": last_day_query,
            "report_containers": shown_containers,
            "report_images": shown_images,
        }
