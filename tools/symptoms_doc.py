"""Generate symptoms.md in both languages from the catalog."""

from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

from tools.headings import translated_heading

from inferfleet.doctor import Symptom, load_symptoms
from inferfleet.messages import N_, gettext

DOCS = Path(__file__).resolve().parents[1] / "docs"
_TITLE = N_("Symptoms")
_PURPOSE = N_("Find these in a cluster, or in any logs, with")
_EXAMPLE = """\
    inferfleet doctor -i inventories/mine
    inferfleet doctor --logs support-bundle/"""
_ORDER = N_("""\
[Troubleshooting](troubleshooting.md) describes the command. The symptoms are in the order of layers, from the node to
the service: one of a lower layer usually explains those above it. This page is generated from
`src/inferfleet/doctor/symptoms` and the folders of the engines by `make references`.""")
_LAYERS = {
    "node": N_("Node"),
    "accelerator": N_("Accelerator"),
    "network": N_("Network"),
    "ray": N_("Ray"),
    "engine": N_("Engine"),
    "service": N_("Service"),
}
_ITEMS = (N_("Cause"), N_("Check"), N_("Remedy"), N_("Sources"))
_TEMPLATES = {
    "en": ("{title} ({severity}).", "- {item}: {text}", ", "),
    "zh": ("{title}（{severity}）。", "- {item}：{text}", "、"),
}
"""A symptom's first line, its further lines, and the separator of links, by language."""


def outputs() -> Iterator[tuple[Path, str]]:
    """Yield each generated page with its content."""
    for language in _TEMPLATES:
        yield DOCS / language / "symptoms.md", render(load_symptoms(), language)


def render(symptoms: tuple[Symptom, ...], language: str) -> str:
    """Return the page in a language."""
    title, purpose, order = (gettext(text, language) for text in (_TITLE, _PURPOSE, _ORDER))
    lines = [f"# {title}", "", purpose, "", _EXAMPLE, "", order, ""]
    for layer, members in groupby(symptoms, key=lambda symptom: symptom.layer):
        lines += [translated_heading(2, _LAYERS[layer], language), ""]
        for symptom in members:
            lines += _section(symptom, language)
    return "\n".join(lines)


def _section(symptom: Symptom, language: str) -> list[str]:
    first, further, separator = _TEMPLATES[language]
    title, severity = gettext(symptom.title, language), gettext(str(symptom.severity), language)
    links = [f"<{source}>" if source.startswith("http") else f"`{source}`" for source in symptom.sources]
    texts = (
        *(gettext(text, language) for text in (symptom.cause, symptom.check, symptom.remedy)),
        separator.join(links),
    )
    items = [further.format(item=gettext(item, language), text=text) for item, text in zip(_ITEMS, texts, strict=True)]
    return [f"### `{symptom.id}`", "", first.format(title=title, severity=severity), "", *items, ""]
