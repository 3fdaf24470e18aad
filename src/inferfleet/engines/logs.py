"""Names of the engines' logs, and the log lines that show readiness."""

import re

from inferfleet.components.loader import load_component
from inferfleet.engines.discovery import load_engines


def log_names() -> re.Pattern[str]:
    """Return a pattern for the names of engine logs: the name of the engine container, or of an engine."""
    return re.compile("|".join(map(re.escape, [load_component("engine").container, *load_engines()])))


def ready_lines() -> re.Pattern[str]:
    """Return a pattern for the line an engine logs when it is ready."""
    patterns = dict.fromkeys(engine.ready_log for engine in load_engines().values() if engine.ready_log)
    return re.compile("|".join(patterns))
