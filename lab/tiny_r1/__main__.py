"""Build the tiny R1: `python -m lab.tiny_r1 --out DIR [--seed N]`."""

import argparse
import sys
import time
from pathlib import Path

import torch
from transformers import logging

from lab.tiny_r1.build import build

parser = argparse.ArgumentParser(prog="python -m lab.tiny_r1", description="Build the tiny R1 checkpoint.")
parser.add_argument("--out", type=Path, required=True, help="folder of the checkpoint; made if it is missing")
parser.add_argument("--seed", type=int, default=0, help="seed of the initial weights (default: 0)")
parser.add_argument(
    "--threads", type=int, default=2, help="threads of torch; other numbers give other weights (default: 2)"
)
arguments = parser.parse_args()

logging.disable_progress_bar()
torch.set_num_threads(arguments.threads)
started = time.monotonic()
try:
    build(
        arguments.out,
        arguments.seed,
        lambda line: print(f"[{time.monotonic() - started:5.1f} s] {line}", flush=True),
    )
except ValueError as problem:
    sys.exit(f"error: {problem}")
