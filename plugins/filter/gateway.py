"""Filters of the gateway (see inferfleet.gateway)."""

from __future__ import annotations

from inferfleet import gateway


def gateway_problems(plans, clients, certificate, key):
    """Return the problems of the gateway's settings in JSON form."""
    return [problem.as_dict() for problem in gateway.gateway_problems(plans, clients, certificate, key)]


class FilterModule:
    """Filters by name."""

    def filters(self):
        """Return the filters by name."""
        return {"gateway_problems": gateway_problems}
