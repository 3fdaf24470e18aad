"""Generate support.md in both languages from the catalog and the recorded runs."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import yaml
from tools.headings import translated_heading

from inferfleet.catalog import Accelerator, load_accelerators, load_models
from inferfleet.engines import load_engines
from inferfleet.engines.schema import Engine
from inferfleet.messages import N_, gettext
from inferfleet.versions import version_key

DOCS = Path(__file__).resolve().parents[1] / "docs"
RUNS = Path(__file__).with_name("support_runs.yml")
_TITLE = N_("Support matrix")
_PURPOSE = N_("Plan your own combination; this needs no nodes:")
_EXAMPLE = "    inferfleet estimate --model deepseek-r1 --accelerator H800-80G --nodes 2"
_SIZE = N_("""\
The catalog knows {models} models, {accelerators} accelerators and {engines} engines. A combination in it can be planned
from published facts; that does not mean that it was run. This page is generated from the catalog by
`make references`.""")
_RECORDED = N_("Recorded runs")
_RUN_COLUMNS = (N_("Part"), N_("On what"), N_("What was checked"))
_PLANNED = N_("""\
Everything else in the tables below is planned from the sources that the catalog names, and its command lines are tested
against the engines' own parsers (vLLM, SGLang, LMDeploy). If you run it on hardware that is missing above,
`inferfleet report` collects what to share.""")
_MATRIX = N_("Engines and accelerators")
_MATRIX_NOTE = N_("""\
The newest engine version of the catalog that runs on the accelerator. An empty cell: no image, or too low a compute
capability.""")
_MATRIX_COLUMNS = (N_("Accelerator"), N_("Vendor"))
_COMMUNITY = N_("`community`: only the community has images; set `engine_image` to one that you trust.")


def outputs() -> Iterator[tuple[Path, str]]:
    """Yield each generated page with its content."""
    for language in ("en", "zh"):
        yield DOCS / language / "support.md", render(language)


def load_runs() -> list[tuple[str, str, str]]:
    """Return what was run: the part, the hardware and what was checked."""
    return [(run["part"], run["hardware"], run["checked"]) for run in yaml.safe_load(RUNS.read_text("utf-8"))]


def render(language: str) -> str:
    """Return the page in a language."""
    accelerators, engines = load_accelerators(), load_engines()
    shown = {name: item for name, item in accelerators.items() if item.vendor != "cpu"}
    matrix = [
        [name, item.vendor, *(version_for(engine, name, item) for engine in engines.values())]
        for name, item in shown.items()
    ]
    size = gettext(_SIZE, language).format(
        models=sum(name != "tiny-r1" for name in load_models()), accelerators=len(shown), engines=len(engines)
    )
    runs = [[gettext(text, language) for text in run] for run in load_runs()]
    title, purpose, planned, note, community = (
        gettext(text, language) for text in (_TITLE, _PURPOSE, _PLANNED, _MATRIX_NOTE, _COMMUNITY)
    )
    head = [gettext(column, language) for column in _MATRIX_COLUMNS] + [engine.title for engine in engines.values()]
    lines = [
        *(f"# {title}", "", purpose, "", _EXAMPLE, "", size, ""),
        *(translated_heading(2, _RECORDED, language), ""),
        *_table([gettext(column, language) for column in _RUN_COLUMNS], runs),
        *("", planned, "", translated_heading(2, _MATRIX, language), "", note, ""),
        *_table(head, matrix),
        *("", community, ""),
    ]
    return "\n".join(lines)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    return [f"| {' | '.join(cells)} |" for cells in (head, ["---"] * len(head), *rows)]


def version_for(engine: Engine, name: str, accelerator: Accelerator) -> str:
    """Return the newest version of an engine that runs on an accelerator; empty if none does."""
    if accelerator.vendor not in engine.vendors:
        return ""
    for version in engine.versions:
        known = accelerator.compute_capability or "0"
        fits = accelerator.vendor != "nvidia" or version_key(known) >= version_key(version.min_compute_capability)
        if fits and version.image_of(name, accelerator.vendor):
            return version.version
    return ""
