"""Generate the variants of the architecture picture: dark, Chinese, and both, from the light English one."""

import re
from collections.abc import Iterator
from pathlib import Path

from inferfleet.messages import N_, gettext

DOCS = Path(__file__).resolve().parents[1] / "docs"
_COLORS = {
    "#ffffff": "#0d1117",  # background
    "#f6f8fa": "#161b22",  # groups
    "#d0d7de": "#3d444d",  # lines of groups
    "#1f2328": "#e6edf3",  # text
    "#59636e": "#9198a1",  # notes
    "#e0f2f1": "#0b3b38",  # boxes
    "#00796b": "#4db6ac",  # lines of boxes, arrows
}
_TEXTS = (
    N_(
        "Clients reach the gateway over TLS; it balances over replicas, each a group of nodes with an engine, Ray where"
        " needed, and a supervisor. The controller deploys all of it over SSH."
    ),
    *(N_("Applications"), N_("OpenAI-compatible"), N_("Browsers"), N_("Gateway host"), N_("TLS, keys, limits")),
    *(N_("Replica 1: nodes with GPUs or NPUs, one plan"), N_("Replica 2: nodes with GPUs or NPUs, one plan")),
    *(
        N_("head node: vLLM, SGLang, …"),
        N_("worker nodes: further ranks"),
        N_("Gateway"),
        N_("Engine"),
        N_("Supervisor"),
    ),
    N_("Controller: inferfleet runs Ansible over SSH; no Kubernetes"),
    *(N_("Inventory"), N_("Plan"), N_("Converge"), N_("Verify"), N_("Operate"), N_("Report")),
    *(N_("hosts, settings"), N_("fits? which layout?"), N_("drivers to engine"), N_("network, answers")),
    *(N_("upgrade, diagnose"), N_("speed, accuracy")),
)
"""Texts of the picture that have a translation; the others are names."""
_ELEMENT = re.compile(r"(?<=>)[^<>\n]+(?=</(?:text|title)>)")


def outputs() -> Iterator[tuple[Path, str]]:
    """Yield each generated picture with its content."""
    english = (DOCS / "en/images/architecture.svg").read_text("utf-8")
    chinese = _ELEMENT.sub(lambda text: gettext(text[0], "zh") if text[0] in _TEXTS else text[0], english)
    yield DOCS / "en/images/architecture-dark.svg", dark(english)
    yield DOCS / "zh/images/architecture.svg", chinese
    yield DOCS / "zh/images/architecture-dark.svg", dark(chinese)


def dark(picture: str) -> str:
    """Return the picture in the colors of a dark page."""
    for light, replacement in _COLORS.items():
        picture = picture.replace(light, replacement)
    return picture
