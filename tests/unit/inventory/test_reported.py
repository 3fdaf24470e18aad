"""Which of the facts that a node has reported count."""

from inferfleet.inventory.facts import flat_facts, needed_space
from inferfleet.settings import Settings

NODE = {"interfaces": [{"name": "eth0"}], "docker": False, "present": {"a/b": 5}, "problems": ["x"]}
ACCELERATORS = {"vendor": "nvidia", "driver_version": "470.82.01", "accelerators": [{"index": 0}], "problems": []}


class Weights:
    checkpoint, checkpoint_bytes = "a/b", 12


def test_one_map_of_all_modules():
    reported = {
        "inferfleet_node": NODE,
        "inferfleet_accelerators": ACCELERATORS,
        "inferfleet_fabric": {"interfaces": []},
    }
    flat = flat_facts(reported)
    assert flat["driver_version"] == "470.82.01"
    assert flat["interfaces"] == [{"name": "eth0"}]
    assert "problems" not in flat


def test_a_driver_that_is_about_to_be_upgraded_does_not_count():
    assert "driver_version" not in flat_facts({"inferfleet_accelerators": ACCELERATORS}, keep_driver=False)


def test_what_a_node_still_needs():
    settings = Settings(model_root="/m", container_data_root="/d")
    assert needed_space(NODE, settings, Weights(), 1) == {"images": ("/d", 2**30), "the weights": ("/m", 7)}
    assert needed_space({"docker": True}, settings, None, 1) == {"images": ("/d", 0)}
