"""README's summary of the support matrix is the catalog's."""

import re
from pathlib import Path

import pytest
from tools.support_doc import version_for

from inferfleet.catalog import load_accelerators, load_models
from inferfleet.engines import load_engines
from inferfleet.versions import version_key

ROOT = Path(__file__).parents[3]
README = (ROOT / "README.md").read_text("utf-8")
TABLE = re.search(r"\| Engine \| NVIDIA .*?\n\n", README, re.DOTALL)
ENGINES = {engine.title: engine for engine in load_engines().values()}
ROWS = {
    "vLLM": "vLLM",
    "SGLang": "SGLang",
    "LMDeploy": "LMDeploy",
    "TensorRT-LLM": "TensorRT-LLM",
    "GPUStack": "GPUStack",
    "DeepSeek's demo": "DeepSeek-Infer demo",
}
VENDORS = ("nvidia", "amd", "ascend", "vastai")
GENERATIONS = {"Ampere": "8.0", "Hopper": "9.0"}


def cells(name: str) -> list[str]:
    assert TABLE is not None
    line = next(line for line in TABLE[0].splitlines() if line.startswith(f"| {name} |"))
    return [cell.strip() for cell in line.strip("|").split("|")][1:5]


def oldest(cell: str) -> str:
    """Return the compute capability of the first accelerator that a cell names."""
    name = cell.split()[0]
    known = [item.compute_capability for key, item in load_accelerators().items() if key.startswith(f"{name}-")]
    return GENERATIONS.get(name) or known[0] or ""


@pytest.mark.parametrize("name", ROWS)
def test_support_of_an_engine(name: str) -> None:
    engine = ENGINES[ROWS[name]]
    supported = {key: item for key, item in load_accelerators().items() if version_for(engine, key, item)}
    vendors = {item.vendor for item in supported.values()}
    shown = dict(zip(VENDORS, cells(name), strict=True))
    assert {vendor for vendor, cell in shown.items() if cell != "–" and "vllm_vacc" not in cell} == vendors & {*VENDORS}
    capabilities = [item.compute_capability or "" for item in supported.values() if item.vendor == "nvidia"]
    assert oldest(shown["nvidia"]) == min(capabilities, key=version_key)


def test_numbers_of_models_and_examples() -> None:
    assert f"The planner knows {len(load_models().keys() - {'tiny-r1'})} models" in README
    folders = {path.name for path in (ROOT / "inventories").iterdir() if path.is_dir()} - {"lab", "two_models"}
    sentence = " ".join(README.split("examples for", 1)[1].split("are in `inventories/`")[0].split())
    assert {re.sub("Ascend ", "ascend", name).lower() for name in re.split(", | and ", sentence)} == folders
