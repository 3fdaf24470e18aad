"""`inferfleet plan`."""

from inferfleet.cli.plan import plan
from inferfleet.cli.registry import Command
from inferfleet.messages import N_

COMMAND = Command(
    name="plan",
    run=plan,
    position=50,
    help=(
        N_("Plan the service without connecting to any node: engine, precision, layout, memory, command lines."),
        N_("Exits with code 1 for a broken inventory and with 3 when the plan cannot work."),
    ),
    examples=(
        ("inferfleet plan -i inventories/a800", ""),
        ("inferfleet plan -i inventories/h800 --all", ""),
        ("inferfleet plan -i inventories/v100 --json | jq '.nodes[].argv'", ""),
    ),
)
