"""Generate docs/en/symptoms.md from the catalog."""

from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

from inferfleet.doctor import Symptom, load_symptoms

TARGET = Path(__file__).resolve().parents[1] / "docs" / "en" / "symptoms.md"
_HEAD = """\
# Symptoms

Find these in a cluster, or in any logs, with

    inferfleet doctor -i inventories/mine
    inferfleet doctor --logs support-bundle/

[Troubleshooting](troubleshooting.md) describes the command. The symptoms are in the order of layers, from the node to
the service: one of a lower layer usually explains those above it. This page is generated from
`src/inferfleet/doctor/symptoms` and the folders of the engines by `make references`.
"""
_LAYERS = {
    "node": "Node",
    "accelerator": "Accelerator",
    "network": "Network",
    "ray": "Ray",
    "engine": "Engine",
    "service": "Service",
}


def outputs() -> Iterator[tuple[Path, str]]:
    """Yield the generated file with its content."""
    yield TARGET, render(load_symptoms())


def render(symptoms: tuple[Symptom, ...]) -> str:
    """Return the document."""
    lines = [_HEAD]
    for layer, members in groupby(symptoms, key=lambda symptom: symptom.layer):
        lines += [f"## {_LAYERS[layer]}", ""]
        for symptom in members:
            lines += _section(symptom)
    return "\n".join(lines)


def _section(symptom: Symptom) -> list[str]:
    links = [f"<{source}>" if source.startswith("http") else f"`{source}`" for source in symptom.sources]
    return [
        *(f"### `{symptom.id}`", ""),
        *(f"{symptom.title} ({symptom.severity}).", ""),
        f"- Cause: {symptom.cause}",
        f"- Check: {symptom.check}",
        f"- Remedy: {symptom.remedy}",
        *(f"- Sources: {', '.join(links)}", ""),
    ]
