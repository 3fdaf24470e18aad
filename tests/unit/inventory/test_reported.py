"""Merging of the facts that a node has reported."""

from inferfleet.inventory.facts import flat_facts, needed_space
from inferfleet.settings import Settings

NODE = {"interfaces": [{"name": "eth0"}], "docker": False, "present": {"a/b": 5}, "problems": ["x"]}
ACCELERATORS = {"vendor": "nvidia", "driver_version": "470.82.01", "accelerators": [{"index": 0}], "problems": []}


class Weights:
    checkpoint, checkpoint_bytes = "a/b", 12


def test_facts_of_all_modules_are_merged():
    reported = {
        "inferfleet_node": NODE,
        "inferfleet_accelerators": ACCELERATORS,
        "inferfleet_fabric": {"interfaces": []},
    }
    flat = flat_facts(reported)
    assert flat["driver_version"] == "470.82.01"
    assert flat["interfaces"] == [{"name": "eth0"}]
    assert "problems" not in flat


def test_driver_to_be_upgraded_is_ignored():
    assert "driver_version" not in flat_facts({"inferfleet_accelerators": ACCELERATORS}, keep_driver=False)


def test_needed_space():
    settings = Settings(model_root="/m", container_data_root="/d")
    assert needed_space(NODE, settings, Weights(), 1) == {"images": ("/d", 2**30), "the weights": ("/m", 7)}
    assert needed_space({"docker": True}, settings, None, 60) == {"images": ("/d", 2**30)}
    assert needed_space({"docker": True}, settings, None, 0) == {"images": ("/d", 0)}
