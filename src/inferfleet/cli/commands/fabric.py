"""`inferfleet fabric`: verify the network between the nodes."""

from collections.abc import Mapping
from typing import Any

import typer

from inferfleet.cli.execute import execute
from inferfleet.cli.options import RunOptions, takes_run_options
from inferfleet.cli.output.row import Row
from inferfleet.cli.output.sections import mappings, standard_blocks
from inferfleet.cli.output.text import shown
from inferfleet.cli.registry import Command
from inferfleet.messages import N_


@takes_run_options
def fabric(options: RunOptions) -> None:
    """Run the playbook that measures the network."""
    raise typer.Exit(execute(COMMAND, options, extra_vars=["nccl_fabric_measure=true"]))


def fabric_rows(report: Any) -> list[Row]:
    """Return the rows measured between the nodes; none if `report` is not a mapping."""
    rows = mappings(report.get("rows")) if isinstance(report, Mapping) else []
    return [Row(shown(row.get("label")), shown(row.get("text"))) for row in rows]


def _blocks(result: Mapping[str, Any], succeeded: bool) -> list[list[Row]]:
    return [*standard_blocks(result, succeeded), fabric_rows(result.get("fabric"))]


COMMAND = Command(
    name="fabric",
    run=fabric,
    position=410,
    playbook="playbooks/fabric.yml",
    help=(
        N_("Test every port from every node, and measure the bandwidth of each node pair in the engine image."),
        N_(
            "Exits with code 2 when a node cannot reach another, the bandwidth is below a threshold, or NCCL"
            " fell back from RDMA to sockets. Takes about a minute and uses some accelerator memory; a running"
            " service is slower meanwhile."
        ),
    ),
    examples=(
        ("inferfleet fabric -i inventories/a800", ""),
        ("inferfleet fabric -i inventories/a800 -e nccl_fabric_least_rdma_share=0.9", ""),
        ("inferfleet fabric -i inventories/a800 --json | jq .result.fabric.pairs", ""),
    ),
    done=N_("Network thresholds met"),
    interrupted=N_("Run `inferfleet fabric` again: it starts from the beginning."),
    summarize=_blocks,
)
