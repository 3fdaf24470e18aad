"""The catalog's files are complete, and invalid ones are reported with file, key and reason."""

import shutil

import pytest
import yaml

from inferfleet.catalog import (
    CatalogError,
    UnknownNameError,
    accelerator_name,
    load_accelerators,
    load_model,
    load_models,
)
from inferfleet.catalog.loader import FOLDER
from inferfleet.planner.fleet import match_accelerator
from inferfleet.planner.weights import checkpoint_bytes


def test_required_entries_exist():
    assert {
        "deepseek-r1",
        "deepseek-r1-0528",
        "deepseek-v3",
        "tiny-r1",
        *(
            f"deepseek-r1-distill-{n}"
            for n in ("qwen-1.5b", "qwen-7b", "qwen-14b", "qwen-32b", "llama-8b", "llama-70b")
        ),
    } <= set(load_models())
    assert len(load_accelerators()) == len(list((FOLDER / "accelerators").glob("*.yml"))) > 20
    ids = {c.id: c.precision for c in load_model("deepseek-r1").checkpoints}
    assert ids["unsloth/DeepSeek-R1-BF16"] == "bf16"
    assert {"fp8", "bf16", "int8", "int4", "nvfp4"} == set(ids.values())


@pytest.mark.parametrize("name", ["deepseek-r1", "deepseek-r1-0528"])
def test_nvfp4_checkpoint_has_the_size_of_its_files(name):
    model = load_model(name)
    [checkpoint] = [c for c in model.checkpoints if c.precision == "nvfp4"]
    # 413340567567 bytes of files, of which headers and tokenizer take less than 0.1 %.
    computed = checkpoint_bytes(model.stored_as(checkpoint).architecture, "nvfp4")
    assert computed == checkpoint.tensor_bytes == pytest.approx(checkpoint.bytes, rel=1e-4)
    assert model.stored_as(model.checkpoints[0]) is model


def test_every_accelerator_has_dtypes_and_memory():
    for name, entry in load_accelerators().items():
        assert entry.dtypes
        assert name == "cpu" or entry.usable_mib <= entry.memory_mib > 0
        assert (entry.vendor == "nvidia") == (entry.compute_capability is not None)


@pytest.mark.parametrize(
    ("product", "memory_mib", "meant"),
    [
        ("NVIDIA A100 80GB PCIe MIG 1g.10gb", 0, "A100-80G"),  # "NVIDIA A10" is a prefix of it, too
        ("NVIDIA H200 NVL", 143771, "H200-141G"),
        ("NVIDIA H20-3e", 143771, "H20-141G"),
        ("NVIDIA B300 SXM6 AC", 275040, "B300-270G"),
        ("NVIDIA L20D", 275040, "B300-270G"),  # "NVIDIA L20" is a prefix of it
        ("NVIDIA GB200", 189471, "GB200-186G"),
        ("NVIDIA GB300", 284208, "GB300-278G"),
        ("NVIDIA RTX PRO 6000 Blackwell Server Edition", 97887, "RTXPRO6000-96G"),
        ("NVIDIA GeForce RTX 5090", 32607, "RTX5090-32G"),
        ("AMD Instinct MI325X OAM", 262128, "MI325X-256G"),
        ("AMD Instinct MI355X", 294896, "MI355X-288G"),
        ("Ascend910", 65536, "Ascend910C-64G"),
        ("910B2C", 65536, "Ascend910B-64G"),
        ("NVIDIA Z9", 81559, None),
    ],
)
def test_product_matches_the_longest_name(product, memory_mib, meant):
    assert match_accelerator(product, memory_mib) == meant


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("h200", "H200-141G"),
        ("RTX 4090", "RTX4090-24G"),
        ("A800-80GB", "A800-80G"),
        ("GB300", "GB300-278G"),
        ("RTX PRO 6000", "RTXPRO6000-96G"),
        ("H20-3e", "H20-141G"),
        ("ascend 910c", "Ascend910C-64G"),
        ("VA16", "VA16-128G"),
        ("cpu", "cpu"),
    ],
)
def test_common_spellings_of_names(written, meant):
    assert accelerator_name(written) == meant


def test_ambiguous_name():
    with pytest.raises(
        UnknownNameError, match=r"'A100', which the catalog lists in 2 memory sizes. Choose one of A100-40G, A100-80G"
    ):
        accelerator_name("A100")


def test_unknown_name_suggests_the_nearest():
    with pytest.raises(UnknownNameError, match=r"Did you mean deepseek-r1\?"):
        load_model("deepsek-r1")


@pytest.fixture
def broken(tmp_path):
    """Return a copy of the catalog to modify."""
    shutil.copytree(FOLDER, tmp_path / "catalog", ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    return tmp_path / "catalog"


@pytest.mark.parametrize(
    ("file", "edit", "load", "message"),
    [
        ("models/tiny-r1.yml", lambda d: d.pop("title"), load_models, "key title: it is missing"),
        (
            "models/tiny-r1.yml",
            lambda d: d["architecture"].update(hidden_size=-1),
            load_models,
            "key architecture.hidden_size: it is not greater than 0",
        ),
        (
            "models/deepseek-r1.yml",
            lambda d: d["checkpoints"][0].update(precision="fp7"),
            load_models,
            "key checkpoints.0.precision: it is not one of fp32",
        ),
        (
            "models/deepseek-r1.yml",
            lambda d: d["architecture"].pop("v_head_dim"),
            load_models,
            "key architecture: has kv_lora_rank but lacks",
        ),
        (
            "accelerators/T4-16G.yml",
            lambda d: d.update(memory="16"),
            load_accelerators,
            "key memory: there is no such key",
        ),
    ],
)
def test_invalid_file_is_reported_with_file_and_key(broken, file, edit, load, message):
    data = yaml.safe_load((broken / file).read_text())
    edit(data)
    (broken / file).write_text(yaml.safe_dump(data))
    with pytest.raises(CatalogError) as refused:
        load(broken)
    assert str(refused.value).startswith(f"File {broken / file}: {message}")


@pytest.mark.parametrize(
    ("text", "reason"), [("a: [", "cannot be parsed"), ("- 1", "does not contain a mapping"), ("\x00", "parse")]
)
def test_invalid_yaml(broken, text, reason):
    (broken / "accelerators/T4-16G.yml").write_text(text)
    with pytest.raises(CatalogError, match=reason):
        load_accelerators(broken)
