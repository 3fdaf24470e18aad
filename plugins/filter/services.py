"""Filters for inventories with several services."""

from __future__ import annotations


class FilterModule:
    """Filters by name."""

    def filters(self):
        """Return the filters by name."""
        return {"report_of": report_of}


def report_of(report: dict, plan: dict) -> dict:
    """Return the report of a play by service or replica, so that set_stats merges it with those of the others."""
    return {"services": {plan["name"]: report}} if plan["name"] else report
