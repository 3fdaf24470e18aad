"""What the engines' logs are called, and by which line each says that it serves."""

import re

from inferfleet.components.loader import load_component
from inferfleet.engines.discovery import load_engines


def log_names() -> re.Pattern[str]:
    """Return what the names of engines' logs contain: our container's name, or an engine's."""
    return re.compile("|".join(map(re.escape, [load_component("engine").container, *load_engines()])))


def ready_lines() -> re.Pattern[str]:
    """Return what an engine writes once it serves."""
    patterns = dict.fromkeys(engine.ready_log for engine in load_engines().values() if engine.ready_log)
    return re.compile("|".join(patterns))
