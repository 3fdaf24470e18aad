"""Measures the network between the nodes from inside the engine's image, over the settings that the engine gets.

Run by torchrun, a rank for each accelerator. All ranks sweep an all-reduce; then nodes pair off, and each rank sends to
the rank of the same number on the other node, one direction after the other. Rank 0 writes what all measured.
"""

import argparse
import json
import os
import time
from datetime import timedelta
from pathlib import Path

import torch
import torch.distributed as dist

MOST = 50  # transfers of one size, at most
KEPT = ("NCCL version", "NET/", "Using network", "NCCL WARN", "NET plugin", "NCCL_IB_", "NCCL_SOCKET_IFNAME")


def rounds(count):
    """Return rounds of disjoint pairs in which every two of `count` nodes meet once (the circle method)."""
    seats = list(range(count)) + ([None] if count % 2 else [])
    found = []
    for _ in range(len(seats) - 1):
        pairs = [(seats[i], seats[-1 - i]) for i in range(len(seats) // 2)]
        found.append([pair for pair in pairs if None not in pair])
        seats = [seats[0], seats[-1], *seats[1:-1]]
    return found


class Ranks:
    """This rank, its place among the others, and the clock that waits for the device."""

    def __init__(self, arguments):
        self.rank, self.local = int(os.environ["RANK"]), int(os.environ["LOCAL_RANK"])
        self.per_node = int(os.environ["LOCAL_WORLD_SIZE"])
        self.node, self.budget = self.rank // self.per_node, arguments.seconds
        self.device = torch.device("cpu")
        if arguments.backend == "nccl":
            self.device = torch.device("cuda", self.local)
            torch.cuda.set_device(self.device)
        dist.init_process_group(arguments.backend, timeout=timedelta(seconds=arguments.timeout))
        self.world = dist.get_world_size()

    def now(self):
        """Return seconds, once the device has done what it was told."""
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)
        return time.monotonic()

    def data(self, size):
        """Return a tensor of so many bytes."""
        return torch.ones(size // 4, dtype=torch.float32, device=self.device)

    def times(self, seconds):
        """Return how many transfers the budget allows, given what one takes."""
        return max(2, min(MOST, int(self.budget / max(seconds, 1e-6))))

    def all_reduce(self, size):
        """Return the seconds of one all-reduce, the slowest rank's mean."""
        data = self.data(size)
        dist.all_reduce(data)  # the first one connects
        start = self.now()
        dist.all_reduce(data)
        count = torch.tensor([self.times(self.now() - start)], device=self.device)
        dist.broadcast(count, 0)
        start = self.now()
        for _ in range(int(count)):
            dist.all_reduce(data)
        taken = torch.tensor([(self.now() - start) / int(count)], dtype=torch.float64, device=self.device)
        dist.all_reduce(taken, op=dist.ReduceOp.MAX)
        return float(taken)

    def transfer(self, data, other, sends):
        """Send to another rank, or receive from it."""
        for request in dist.batch_isend_irecv([dist.P2POp(dist.isend if sends else dist.irecv, data, other)]):
            request.wait()

    def one_way(self, size, other, sends):
        """Return the seconds of one transfer as its receiver sees it; None on the sender."""
        data, count = self.data(size), torch.zeros(1, dtype=torch.int64, device=self.device)
        self.transfer(data, other, sends)  # the first one connects
        start = self.now()
        self.transfer(data, other, sends)
        if not sends:
            count.fill_(self.times(self.now() - start))
        self.transfer(count, other, not sends)
        start = self.now()
        for _ in range(int(count)):
            self.transfer(data, other, sends)
        self.transfer(count, other, not sends)  # nothing is on its way any more
        return None if sends else (self.now() - start) / int(count)

    def pairs(self, sizes):
        """Return what this rank received, from which node, of which size and in how many seconds."""
        found = []
        for meeting in rounds(self.world // self.per_node):
            mine = next((pair for pair in meeting if self.node in pair), None)
            for size in sizes if mine else ():
                for sender in mine:
                    node = mine[0] if mine[1] == self.node else mine[1]
                    other = node * self.per_node + self.local
                    seconds = self.one_way(size, other, sends=self.node == sender)
                    if seconds is not None:
                        found.append({"from": node, "lane": self.local, "bytes": size, "seconds": seconds})
            dist.barrier()
        return found


def kept_lines(folder):
    """Return the lines of NCCL's log that tell which network it took, each once."""
    logs = (path.read_text("utf-8", "replace") for path in sorted(folder.glob("nccl.*")))
    lines = (line.strip() for text in logs for line in text.splitlines())
    return list(dict.fromkeys(line for line in lines if any(part in line for part in KEPT)))[:400]


def main():
    """Measure, and write the result on rank 0."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--name", required=True, help="of this node")
    parser.add_argument("--backend", choices=["nccl", "gloo"], required=True)
    parser.add_argument("--sizes", required=True, help="bytes, separated by commas, the smallest first")
    parser.add_argument("--seconds", type=float, default=0.5, help="for one size")
    parser.add_argument("--timeout", type=int, default=120, help="seconds to wait for other ranks")
    parser.add_argument("--folder", type=Path, required=True, help="holds NCCL's log, and takes the result")
    arguments = parser.parse_args()
    sizes = [int(size) for size in arguments.sizes.split(",")]
    ranks = Ranks(arguments)
    reduced = [{"bytes": size, "seconds": ranks.all_reduce(size)} for size in sizes]
    received = ranks.pairs([sizes[0], sizes[-1]])
    log = kept_lines(arguments.folder) if ranks.local == 0 else []
    gathered = [None] * ranks.world
    dist.all_gather_object(gathered, {"node": arguments.name, "pairs": received, "log": log})
    names = [item["node"] for item in gathered[:: ranks.per_node]]
    if ranks.rank == 0:
        result = {
            "backend": arguments.backend,
            "torch": torch.__version__,
            "world_size": ranks.world,
            "nodes": names,
            "all_reduce": reduced,
            "pairs": [
                {**pair, "from": names[pair["from"]], "to": item["node"]} for item in gathered for pair in item["pairs"]
            ],
            "nccl_log": {item["node"]: item["log"] for item in gathered if item["log"]},
        }
        (arguments.folder / "result.json").write_text(json.dumps(result), "utf-8")
    dist.barrier()
    dist.destroy_process_group()


if __name__ == "__main__":
    main()
