"""Generate docs/en/support.md from the catalog and the recorded runs."""

from collections.abc import Iterator
from pathlib import Path

import yaml

from inferfleet.catalog import Accelerator, load_accelerators, load_models
from inferfleet.engines import load_engines
from inferfleet.engines.schema import Engine
from inferfleet.versions import version_key

ROOT = Path(__file__).resolve().parents[1]
TARGET = ROOT / "docs" / "en" / "support.md"
RUNS = Path(__file__).with_name("support_runs.yml")
_HEAD = """\
# Support matrix

Plan your own combination; this needs no nodes:

    inferfleet estimate --model deepseek-r1 --accelerator H800-80G --nodes 2

The catalog knows {models} models, {accelerators} accelerators and {engines} engines. A combination in it can be planned
from published facts; that does not mean that it was run. This page is generated from the catalog by `make references`.

## Recorded runs

| Part | On what | What was checked |
|---|---|---|
{runs}

Everything else in the tables below is planned from the sources that the catalog names, and its command lines are tested
against the engines' own parsers (vLLM, SGLang, LMDeploy). If you run it on hardware that is missing above,
`inferfleet report` collects what to share.

## Engines and accelerators

The newest engine version of the catalog that runs on the accelerator. An empty cell: no image, or too low a compute
capability.

{matrix}

`community`: only the community has images; set `engine_image` to one that you trust.
"""


def outputs() -> Iterator[tuple[Path, str]]:
    """Yield the generated file with its content."""
    accelerators, engines = load_accelerators(), load_engines()
    shown = {name: item for name, item in accelerators.items() if item.vendor != "cpu"}
    head = ["Accelerator", "Vendor", *(engine.title for engine in engines.values())]
    rows = [
        [name, item.vendor, *(_version(engine, name, item) for engine in engines.values())]
        for name, item in shown.items()
    ]
    runs = yaml.safe_load(RUNS.read_text("utf-8"))
    text = _HEAD.format(
        models=sum(name != "tiny-r1" for name in load_models()),
        accelerators=len(shown),
        engines=len(engines),
        runs="\n".join(f"| {run['part']} | {run['hardware']} | {run['checked']} |" for run in runs),
        matrix="\n".join(f"| {' | '.join(cells)} |" for cells in (head, ["---"] * len(head), *rows)),
    )
    yield TARGET, text


def _version(engine: Engine, name: str, accelerator: Accelerator) -> str:
    if accelerator.vendor not in engine.vendors:
        return ""
    for version in engine.versions:
        known = accelerator.compute_capability or "0"
        fits = accelerator.vendor != "nvidia" or version_key(known) >= version_key(version.min_compute_capability)
        if fits and version.image_of(name, accelerator.vendor):
            return version.version
    return ""
