"""Filters for engine descriptions."""

from __future__ import annotations

from inferfleet.engines import load_engines


def engine_fact(name, key, unknown):
    """Return a field of the engine called `name`; `unknown` if there is no such engine."""
    engine = load_engines().get(name)
    return getattr(engine, key) if engine else unknown


def engine_phases(name):
    """Return the phases of loading of the engine called `name`, as module `chat_completion` takes them."""
    return [phase.model_dump() for phase in engine_fact(name, "phases", ())]


class FilterModule:
    """Filters by name."""

    def filters(self):
        """Return the filters by name."""
        return {"engine_fact": engine_fact, "engine_phases": engine_phases}
