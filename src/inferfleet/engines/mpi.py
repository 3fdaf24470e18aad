"""An MPI world across several nodes, started without SSH (roles/inference_engine/files/mpi_launch.py)."""

from collections.abc import Sequence

from inferfleet.components.loader import load_component

PORT = 29550
"""Port on which nodes other than the head wait for mpirun."""
FOLDER = "/inferfleet/mpi"
"""Folder of the launcher and its key in the container."""
MOUNT = f"{load_component('engine').files['launcher']}:{FOLDER}:ro"
"""Mount of this folder; the role inference_engine writes the node's folder."""
_LAUNCHER = f"python3 {FOLDER}/launch.py"


def listener_argv(address: str) -> list[str]:
    """Return the command line of a node other than the head; `address` is its address on the cluster network."""
    return [*_LAUNCHER.split(), "listen", address, str(PORT)]


def mpirun_argv(addresses: Sequence[str], per_node: int, ranks: int, network: str = "") -> list[str]:
    """Return the beginning of the head's command line: at most `per_node` ranks on each address, the head's own first.

    `network` is the CIDR of the network for MPI; empty: MPI's default.
    """
    argv = ["mpirun", "--allow-run-as-root", "-n", str(ranks)]
    argv += ["-H", ",".join(f"{address}:{per_node}" for address in addresses)]
    # The head contacts every node directly: the others have no launcher.
    argv += ["--mca", "plm_rsh_agent", f"{_LAUNCHER} call {PORT}", "--mca", "plm_rsh_no_tree_spawn", "1"]
    for part in ("oob_tcp", "btl_tcp") if network else ():
        argv += ["--mca", f"{part}_if_include", network]
    return argv
