"""Measure the CPU cost of the peer exchange: GB per CPU second of sending, receiving and hashing.

    python -m tests.bench.cpu --size 2

Two nodes on loopback, files in memory (/dev/shm): no network card and no disk hides the processors' part. A link of
25 Gbit/s transfers 3.1 GB/s.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import ansible.module_utils

ROOT = Path(__file__).resolve().parents[2]
REPO = "bench/model"
GB = 10**9
FILES = 8


def start(arguments: dict) -> subprocess.Popen:
    """Start one node's module; its CPU time is read when it ends."""
    line = [sys.executable, str(ROOT / "tests" / "run_module.py"), "weights_pull"]
    process = subprocess.Popen(line, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
    assert process.stdin
    process.stdin.write(json.dumps({"ANSIBLE_MODULE_ARGS": arguments}))
    process.stdin.close()
    return process


def cpu(process: subprocess.Popen) -> float:
    """Wait for the process; return its CPU seconds."""
    _, status, used = os.wait4(process.pid, 0)
    if status:
        raise SystemExit("a node failed")
    return used.ru_utime + used.ru_stime


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=float, default=2, help="gigabytes")
    size = int(parser.parse_args().size * GB) // FILES
    ansible.module_utils.__path__.append(str(ROOT / "plugins" / "module_utils"))
    from ansible.module_utils.weights import manifest

    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        source = Path(folder, "source", REPO)
        source.mkdir(parents=True)
        for number in range(FILES):
            block = os.urandom(2**20)
            with (source / f"{number}.safetensors").open("wb") as out:
                for _ in range(size // len(block)):
                    out.write(block)
        began = time.process_time()
        names = sorted(path.name for path in source.iterdir())
        hashes = {name: manifest.file_hash(str(source / name), "sha256") for name in names}
        hashing = time.process_time() - began
        files = {
            name: {"size": (source / name).stat().st_size, "algorithm": "sha256", "hash": hashes[name]}
            for name in names
        }
        entries = {n: {**f, "stamp": manifest.stamp(str(source / n))} for n, f in files.items()}
        manifest.write_json(str(source / manifest.NAME), {"commit": "", "complete": True, "files": entries})
        peers = [{"name": f"n{i}", "address": f"127.0.9.{i}", "port": 19980} for i in (1, 2)]
        shared = {"files": files, "peers": peers, "wan_nodes": ["n1"], "expected": ["n2"], "token": "t", "run": "r"}
        shared |= {"sources": [{"type": "path", "path": str(source)}], "poll": 0.1, "_ansible_remote_tmp": "/tmp"}
        gives = start({**shared, "path": str(source), "node": "n1"})
        takes = start({**shared, "path": str(Path(folder, "other", REPO)), "node": "n2"})
        taking, giving = cpu(takes), cpu(gives)
    total = size * FILES / GB
    print(f"giving: {total / giving:.2f} GB per CPU second")
    print(f"taking: {total / max(taking - hashing, 1e-9):.2f} GB per CPU second, without the hash")
    print(f"hashing: {total / hashing:.2f} GB per CPU second")
    print(f"a node that takes 25 Gbit/s and gives as much keeps {3.125 * (giving + taking) / total:.1f} cores busy")


if __name__ == "__main__":
    main()
