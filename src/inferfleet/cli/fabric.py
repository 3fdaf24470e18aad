"""`inferfleet fabric`: prove the network between the nodes."""

import typer

from inferfleet.cli.execute import execute
from inferfleet.cli.options import RunOptions, takes_run_options
from inferfleet.cli.verbs import FABRIC

EXAMPLES = """[bold]Examples[/bold]

inferfleet fabric -i inventories/a800

inferfleet fabric -i inventories/a800 -e nccl_fabric_least_rdma_share=0.9

inferfleet fabric -i inventories/a800 --json | jq .result.fabric.pairs
"""


@takes_run_options
def fabric(options: RunOptions) -> None:
    """Try every port from every node, and measure the bandwidth of each pair in the engine's own image.

    Leaves with 2 when a node does not reach another, is too slow, or NCCL fell back from RDMA to sockets. Takes about a
    minute, and some of the accelerators' memory; what is being served is slower meanwhile.
    """
    raise typer.Exit(execute(FABRIC, options, extra_vars=["nccl_fabric_proof=true"]))
