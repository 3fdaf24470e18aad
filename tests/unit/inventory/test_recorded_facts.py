"""Recorded facts with values of the wrong type."""

import json
from pathlib import Path

import pytest

from inferfleet.cli.planned import read_facts
from inferfleet.inventory.facts import wrong_fact
from inferfleet.runner.errors import UsageError

GPU = {"index": 0, "name": "NVIDIA H800", "memory_mib": 81559}
GOOD = {"accelerators": [GPU], "interfaces": [{"name": "eth0", "addresses": ["10.0.0.11"]}], "driver_version": "570"}


@pytest.mark.parametrize(
    ("change", "path", "value"),
    [
        ({"accelerators": "8"}, "accelerators", "8"),
        ({"accelerators": [{**GPU, "memory_mib": "81559"}]}, "accelerators.0.memory_mib", "81559"),
        ({"accelerators": [{**GPU, "memory_mib": -1}]}, "accelerators.0.memory_mib", -1),
        ({"interfaces": {"eth0": "10.0.0.11"}}, "interfaces", {"eth0": "10.0.0.11"}),
        ({"interfaces": [{"name": "eth0", "addresses": "10.0.0.11"}]}, "interfaces.0.addresses", "10.0.0.11"),
        ({"driver_version": 570}, "driver_version", 570),
        ({"pci": []}, "pci", []),
        ({"copies": {"org/R1": ["/a"]}}, "copies.org/R1", ["/a"]),
        ({"model_folder": {"path": "/m"}}, "model_folder.exists", {"path": "/m"}),
    ],
)
def test_facts_of_the_wrong_type(change, path, value):
    assert wrong_fact({**GOOD, **change}) == (path, value)
    assert wrong_fact({"inferfleet_node": {**GOOD, **change}}) == (path, value)


def test_valid_facts(tmp_path: Path):
    file = tmp_path / "facts.json"
    for content in ({}, {"n1": {}}, {"n1": GOOD}, {"n1": {**GOOD, "model_folder": {}}}):
        file.write_text(json.dumps(content))
        assert read_facts(file) == content


def test_file_with_a_wrong_fact(tmp_path: Path):
    file = tmp_path / "facts.json"
    file.write_text(json.dumps({"n1": GOOD, "n2": {**GOOD, "driver_version": 570}}))
    with pytest.raises(UsageError, match="fact driver_version of host n2 is 570, which has the wrong type"):
        read_facts(file)
