"""Filters for inventories with several services."""

from __future__ import annotations


class FilterModule:
    """The filters by name."""

    def filters(self):
        """Return them."""
        return {"report_of": report_of}


def report_of(report: dict, plan: dict) -> dict:
    """Return what a play reports of the plan's service, so that set_stats keeps it beside those of other services."""
    return {"services": {plan["service"]: report}} if plan["service"] else report
