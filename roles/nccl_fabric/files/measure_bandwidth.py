"""Measure the network between the nodes in the engine image, with the network settings of the engine.

Run by torchrun with one rank per accelerator. All ranks measure an all-reduce; then each pair of nodes is measured in
both directions between ranks of the same local rank. Rank 0 writes the results of all ranks.
"""

import argparse
import json
import os
import time
from datetime import timedelta
from pathlib import Path

import torch
import torch.distributed as dist

MAX_TRANSFERS = 50  # of one size
LOG_PATTERNS = ("NCCL version", "NET/", "Using network", "NCCL WARN", "NET plugin", "NCCL_IB_", "NCCL_SOCKET_IFNAME")


def rounds(count):
    """Return rounds of disjoint pairs in which every two of `count` nodes meet once (the circle method)."""
    seats = list(range(count)) + ([None] if count % 2 else [])
    result = []
    for _ in range(len(seats) - 1):
        pairs = [(seats[i], seats[-1 - i]) for i in range(len(seats) // 2)]
        result.append([pair for pair in pairs if None not in pair])
        seats = [seats[0], seats[-1], *seats[1:-1]]
    return result


class Ranks:
    """This rank, its position in the world, and measurements synchronized with the device."""

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
        """Return the monotonic time in seconds after the device has finished its work."""
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)
        return time.monotonic()

    def data(self, size):
        """Return a tensor of `size` bytes."""
        return torch.ones(size // 4, dtype=torch.float32, device=self.device)

    def times(self, seconds):
        """Return the number of transfers that fit the time budget if one takes `seconds`."""
        return max(2, min(MAX_TRANSFERS, int(self.budget / max(seconds, 1e-6))))

    def all_reduce(self, size):
        """Return the mean duration of an all-reduce on the slowest rank in seconds."""
        data = self.data(size)
        dist.all_reduce(data)  # establishes the connection
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
        """Return the duration of a transfer in seconds, measured by the receiver; None on the sender."""
        data, count = self.data(size), torch.zeros(1, dtype=torch.int64, device=self.device)
        self.transfer(data, other, sends)  # establishes the connection
        start = self.now()
        self.transfer(data, other, sends)
        if not sends:
            count.fill_(self.times(self.now() - start))
        self.transfer(count, other, not sends)
        start = self.now()
        for _ in range(int(count)):
            self.transfer(data, other, sends)
        self.transfer(count, other, not sends)  # all transfers have arrived
        return None if sends else (self.now() - start) / int(count)

    def pairs(self, sizes):
        """Return source node, size and duration of the transfers that this rank received."""
        results = []
        for meeting in rounds(self.world // self.per_node):
            mine = next((pair for pair in meeting if self.node in pair), None)
            for size in sizes if mine else ():
                for sender in mine:
                    node = mine[0] if mine[1] == self.node else mine[1]
                    other = node * self.per_node + self.local
                    seconds = self.one_way(size, other, sends=self.node == sender)
                    if seconds is not None:
                        results.append({"from": node, "lane": self.local, "bytes": size, "seconds": seconds})
            dist.barrier()
        return results


def network_log_lines(folder):
    """Return the distinct lines of NCCL's log about the network in use."""
    logs = (path.read_text("utf-8", "replace") for path in sorted(folder.glob("nccl.*")))
    lines = (line.strip() for text in logs for line in text.splitlines())
    return list(dict.fromkeys(line for line in lines if any(part in line for part in LOG_PATTERNS)))[:400]


def main():
    """Measure, and write the result on rank 0."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--name", required=True, help="name of this node")
    parser.add_argument("--backend", choices=["nccl", "gloo"], required=True)
    parser.add_argument("--sizes", required=True, help="message sizes in bytes, comma-separated, in ascending order")
    parser.add_argument("--seconds", type=float, default=0.5, help="time budget per size")
    parser.add_argument("--timeout", type=int, default=120, help="seconds to wait for other ranks")
    parser.add_argument("--folder", type=Path, required=True, help="folder of NCCL's log and the result")
    arguments = parser.parse_args()
    sizes = [int(size) for size in arguments.sizes.split(",")]
    ranks = Ranks(arguments)
    reduced = [{"bytes": size, "seconds": ranks.all_reduce(size)} for size in sizes]
    received = ranks.pairs([sizes[0], sizes[-1]])
    log = network_log_lines(arguments.folder) if ranks.local == 0 else []
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
