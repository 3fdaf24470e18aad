"""What `inferfleet remove-node` reports of a removed node."""

import re
from pathlib import Path

import pytest

from inferfleet.cli.commands.remove_node import removal_blocks

TASKS = Path(__file__).parents[3] / "roles/engine_switch/tasks"


@pytest.mark.parametrize(
    ("reason", "shown"),
    [("", "removed and cleaned"), ("unreachable", "it does not answer"), ("docker", "its Docker does not answer")],
)
def test_reason_for_which_a_node_was_not_cleaned(reason, shown):
    [row] = removal_blocks({"removed_nodes": {"n2": reason}}, True)[0]
    assert row.label == "n2"
    assert shown in row.text


def test_every_reason_of_the_role_has_a_text():
    texts = [file.read_text() for file in TASKS.glob("*.yml")]
    reasons = {reason for text in texts for reason in re.findall(r"engine_switch_uncleaned: (\w+)", text)}
    assert reasons == {"unreachable", "docker"}
    for reason in reasons:
        assert removal_blocks({"removed_nodes": {"n2": reason}}, True)[0]
