"""Filters for inventories with several services."""

from __future__ import annotations


class FilterModule:
    """Filters by name."""

    def filters(self):
        """Return the filters by name."""
        return {"report_of": report_of}


def report_of(report: dict, plan: dict) -> dict:
    """Return the report of a play by service, so that set_stats merges it with those of other services."""
    return {"services": {plan["service"]: report}} if plan["service"] else report
