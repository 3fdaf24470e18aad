"""Filters for engine descriptions."""

from __future__ import annotations

from inferfleet.engines import load_engines


def engine_fact(name, key, unknown):
    """Return a field of the engine called `name`; `unknown` if there is no such engine."""
    engine = load_engines().get(name)
    return getattr(engine, key) if engine else unknown


class FilterModule:
    """Filters by name."""

    def filters(self):
        """Return the filters by name."""
        return {"engine_fact": engine_fact}
