"""Measure the distribution of weights to many nodes: the peer exchange and manual methods, over links shaped with tc.

    python -m tests.bench.fanout                          # 2, 4 and 8 nodes, 16 and 64 files
    python -m tests.bench.fanout --nodes 8 --files 64 --methods ours

naive: every node downloads for itself. rsync: one downloads, then all others copy from it at once. ours: the role's
own module. Times count from the first process to the last; the floor is max(size / WAN, size / LAN). All content is
checked.
"""

import argparse
import hashlib
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table
from tests.bench.links import HUB, Links, inside, wipe

ROOT = Path(__file__).resolve().parents[2]
REPO = "bench/model"
MB = 1_000_000
PORT = 8090


def make_model(root: Path, size: int, count: int) -> dict[str, dict[str, object]]:
    """Write `count` files of `size` bytes together below the hub's folder; return the manifest's files."""
    wipe(root)
    folder = root / REPO
    folder.mkdir(parents=True)
    files: dict[str, dict[str, object]] = {}
    for number in range(count):
        content = os.urandom(size // count)
        name = f"model-{number + 1:05}-of-{count:05}.safetensors"
        (folder / name).write_bytes(content)
        digest = hashlib.sha256(content).hexdigest()
        files[name] = {"size": len(content), "algorithm": "sha256", "hash": digest}
    return files


def pull(links: Links, work: Path, files: dict, members: list[int], *, alone: bool) -> list[subprocess.Popen]:
    """Start the module on nodes, with or without peers."""
    peers = [{"name": f"fan{n}", "address": links.address(n), "port": 20990} for n in members]
    started = []
    for peer in peers:
        mine = [peer] if alone else peers
        arguments = {
            "path": str(work / peer["name"] / REPO),
            "files": files,
            "node": peer["name"],
            "peers": mine,
            "wan_nodes": [p["name"] for p in mine],
            "expected": [p["name"] for p in mine],
            "token": "bench",
            "run": "bench",
            "sources": [{"type": "huggingface", "endpoint": f"http://{HUB}:{PORT}", "repository": REPO}],
            "poll": 0.2,
            "_ansible_remote_tmp": "/tmp",
        }
        process = subprocess.Popen(
            [*inside(str(peer["name"])), sys.executable, str(ROOT / "tests" / "run_module.py"), "weights_pull"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdin
        process.stdin.write(json.dumps({"ANSIBLE_MODULE_ARGS": arguments}))
        process.stdin.close()
        started.append(process)
    return started


def wait(processes: list[subprocess.Popen]) -> None:
    """Wait for all; stop the measurement when one failed."""
    for process in processes:
        out = process.stdout.read() if process.stdout else ""
        if process.wait():
            raise SystemExit(f"a node failed: {json.loads(out or '{}').get('msg', out)}")


def naive(links: Links, work: Path, files: dict) -> None:
    """Every node downloads separately."""
    wait(pull(links, work, files, list(range(1, len(links.nodes) + 1)), alone=True))


def rsync(links: Links, work: Path, files: dict) -> None:
    """One node downloads, then all others copy from it at the same time."""
    wait(pull(links, work, files, [1], alone=True))
    config = work / "rsyncd.conf"
    config.write_text(f"use chroot = no\nreverse lookup = no\n[m]\npath = {work / 'fan1' / REPO}\n")
    line = ["rsync", "--daemon", "--no-detach", f"--config={config}", "--port=8730"]
    server = subprocess.Popen([*inside("fan1"), *line], stdout=subprocess.DEVNULL)
    time.sleep(0.5)
    copies = []
    for name in links.nodes[1:]:
        target = work / name / REPO
        target.mkdir(parents=True)
        line = ["rsync", "-a", "--whole-file", f"rsync://{links.address(1)}:8730/m/", f"{target}/"]
        copies.append(subprocess.Popen([*inside(name), *line], stdout=subprocess.DEVNULL))
    wait(copies)
    server.terminate()
    server.wait()


def ours(links: Links, work: Path, files: dict) -> None:
    """All nodes exchange the files."""
    wait(pull(links, work, files, list(range(1, len(links.nodes) + 1)), alone=False))


METHODS = {"naive": naive, "rsync": rsync, "ours": ours}


def check(work: Path, files: dict, nodes: list[str]) -> None:
    """Compare every byte on every node."""
    for node in nodes:
        for name, want in files.items():
            if hashlib.sha256((work / node / REPO / name).read_bytes()).hexdigest() != want["hash"]:
                raise SystemExit(f"{name} is wrong on {node}")


def cpu_seconds() -> float:
    """Return the CPU time of all finished child processes."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--nodes", type=int, nargs="+", default=[2, 4, 8])
    parser.add_argument("--files", type=int, nargs="+", default=[16, 64])
    parser.add_argument("--methods", nargs="+", default=list(METHODS), choices=METHODS)
    parser.add_argument("--size", type=float, default=96, help="megabytes")
    parser.add_argument("--lan", type=float, default=96, help="Mbit/s of each node")
    parser.add_argument("--wan", type=float, default=24, help="Mbit/s of the hub")
    options = parser.parse_args()
    table = Table(title=f"{options.size:g} MB, LAN {options.lan:g} Mbit/s a node, WAN {options.wan:g} Mbit/s")
    for column in ("nodes", "files", "method", "seconds", "× floor", "× WAN", "CPU s/GB"):
        table.add_column(column, justify="right")
    lan, wan = options.lan * MB / 8, options.wan * MB / 8
    with tempfile.TemporaryDirectory() as folder:
        for count in options.files:
            files = make_model(Path(folder, "hub"), int(options.size * MB), count)
            size = sum(int(want["size"]) for want in files.values())
            floor = max(size / wan, size / lan)
            for nodes in options.nodes:
                for method in options.methods:
                    work = Path(folder, "nodes")
                    wipe(work)
                    with Links(nodes, lan, wan) as links:
                        line = ["-m", "lab.hub", "--root", str(Path(folder, "hub")), "--host", HUB, "--port", str(PORT)]
                        hub = subprocess.Popen(
                            [*inside("fanhub"), sys.executable, *line], cwd=ROOT, stderr=subprocess.DEVNULL
                        )
                        time.sleep(4)
                        used, sent, began = cpu_seconds(), links.sent_by_hub(), time.monotonic()
                        METHODS[method](links, work, files)
                        seconds = time.monotonic() - began
                        used, sent = cpu_seconds() - used, links.sent_by_hub() - sent
                        hub.kill()
                        hub.wait()
                        check(work, files, links.nodes)
                    received = size * nodes / 1e9
                    row = (f"{seconds:.1f}", f"{seconds / floor:.2f}", f"{sent / size:.2f}", f"{used / received:.1f}")
                    table.add_row(str(nodes), str(count), method, *row)
                    print(nodes, count, method, *row, file=sys.stderr)
    Console(width=100).print(table)


if __name__ == "__main__":
    main()
