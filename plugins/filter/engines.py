"""Filters over the engines' facts."""

from __future__ import annotations

from inferfleet.engines import load_engines


def engine_fact(name, key, unknown):
    """Return a fact of the engine called `name`; `unknown` where there is no such engine."""
    engine = load_engines().get(name)
    return getattr(engine, key) if engine else unknown


class FilterModule:
    """Facts of engines by name."""

    def filters(self):
        """Return the filters."""
        return {"engine_fact": engine_fact}
