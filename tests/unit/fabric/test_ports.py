"""The ports that nodes must reach each other at."""

import pytest

from inferfleet.fabric import mesh_ports

CONTRACT = {"engine_port": 8000, "executor": "ray", "ray_port": 6379}


@pytest.mark.parametrize(
    ("head", "executor", "ports"),
    [
        (
            True,
            "ray",
            [6379, 6380, 6381, 6382, 6383, 6384, 6385, 8000, 20000, 20499, 20999, 29450, 32768, 46883, 60999],
        ),
        (False, "ray", [6380, 6381, 6382, 6383, 6384, 6385, 20000, 20499, 20999, 29450, 32768, 46883, 60999]),
        (True, "mp", [8000, 29450, 32768, 46883, 60999]),
        (False, "mp", [29450, 32768, 46883, 60999]),
    ],
)
def test_ports(head, executor, ports):
    assert mesh_ports({**CONTRACT, "executor": executor}, head=head, proof_port=29450) == ports
