"""Generate alerts.md in both languages from the alerts."""

from collections.abc import Iterator
from pathlib import Path

from inferfleet.messages import N_, gettext
from inferfleet.monitoring import Alert, load_alerts

DOCS = Path(__file__).resolve().parents[1] / "docs"
_TITLE = N_("Alerts")
_PURPOSE = N_("""\
Find the cause, a check and the remedy of an alert of [monitoring](monitoring.md). An alert has the same texts, in the
language of `monitoring_language`, as annotations `cause`, `check` and `remedy`.""")
_ORIGIN = N_(
    "This page is generated from `src/inferfleet/monitoring/alerts/*.yml` by `make references`; edit those files."
)
_FIRST = N_("{title}. Severity {severity}, after {wait}.")
_FIRST_IF = N_("{title}. Severity {severity}, after {wait}, if `monitoring_{threshold}` is not 0.")
_SEVERITIES = {"critical": N_("critical"), "warning": N_("warning")}
_COLONS = {"en": ": ", "zh": "："}


def outputs() -> Iterator[tuple[Path, str]]:
    """Yield each generated page with its content."""
    for language in _COLONS:
        yield DOCS / language / "alerts.md", render(language)


def render(language: str) -> str:
    """Return the page in a language."""
    title, purpose, origin = (gettext(text, language) for text in (_TITLE, _PURPOSE, _ORIGIN))
    return "\n".join([f"# {title}\n\n{purpose}\n\n{origin}\n", *(_section(alert, language) for alert in load_alerts())])


def _section(alert: Alert, language: str) -> str:
    texts, colon = alert.described(), _COLONS[language]
    first = gettext(_FIRST_IF if alert.threshold else _FIRST, language).format(
        title=gettext(texts.title, language).rstrip(".。"),
        severity=gettext(_SEVERITIES[alert.severity], language),
        wait=alert.wait,
        threshold=alert.threshold,
    )
    items = [
        f"- {gettext(name, language)}{colon}{gettext(text, language)}"
        for name, text in ((N_("Cause"), texts.cause), (N_("Check"), texts.check), (N_("Remedy"), texts.remedy))
    ]
    return "\n".join([f"## {alert.name}", "", first, "", *items, "", "```promql", alert.expr, "```", ""])
