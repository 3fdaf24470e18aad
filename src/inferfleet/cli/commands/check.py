"""`inferfleet check`."""

from inferfleet.cli.check import check
from inferfleet.cli.registry import Command
from inferfleet.messages import N_

COMMAND = Command(
    name="check",
    run=check,
    position=60,
    help=(
        N_("Connect to the nodes, read what they have, and show nodes, plan and problems. Changes nothing."),
        N_(
            "Exits with code 1 for a broken inventory, with 3 when the plan cannot work and with 4 when a node is"
            " unreachable."
        ),
    ),
    examples=(
        ("inferfleet check -i inventories/a800", ""),
        ("inferfleet check -i inventories/a800 --facts facts.json", ""),
    ),
)
