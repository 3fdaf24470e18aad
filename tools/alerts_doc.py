"""Generate docs/en/alerts.md from the alerts."""

from collections.abc import Iterator
from pathlib import Path

from inferfleet.monitoring import Alert, load_alerts

TARGET = Path(__file__).resolve().parents[1] / "docs" / "en" / "alerts.md"
_HEAD = """\
# Alerts

Find the cause, a check and the remedy of an alert of [monitoring](monitoring.md). An alert has the same texts, in the
language of `monitoring_language`, as annotations `cause`, `check` and `remedy`.

This page is generated from `src/inferfleet/monitoring/alerts/*.yml` by `make references`; edit those files.
"""


def outputs() -> Iterator[tuple[Path, str]]:
    """Yield the generated file with its content."""
    yield TARGET, render()


def render() -> str:
    """Return the page."""
    return "\n".join([_HEAD, *map(_section, load_alerts())])


def _section(alert: Alert) -> str:
    texts = alert.described()
    limit = f", if `monitoring_{alert.threshold}` is not 0" if alert.threshold else ""
    return f"""\
## {alert.name}

{texts.title.rstrip(".")}. Severity {alert.severity}, after {alert.wait}{limit}.

- Cause: {texts.cause}
- Check: {texts.check}
- Remedy: {texts.remedy}

```promql
{alert.expr}
```
"""
