"""Stand-in for generate.py: reads the weights of its rank (from torchrun's environment) and repeats the prompts."""

import json
import os
from argparse import ArgumentParser
from pathlib import Path

parser = ArgumentParser()
parser.add_argument("--ckpt-path", type=Path, required=True)
parser.add_argument("--config", type=Path, required=True)
parser.add_argument("--input-file", type=Path)
parser.add_argument("--interactive", action="store_true")
parser.add_argument("--max-new-tokens", type=int, default=200)
parser.add_argument("--temperature", type=float, default=0.2)
args = parser.parse_args()
assert args.input_file or args.interactive, "neither prompts nor a terminal"
rank, ranks = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
weights = json.loads((args.ckpt_path / f"model{rank}-mp{ranks}.safetensors").read_text())
assert (weights["rank"], weights["of"]) == (rank, ranks), weights
assert (args.ckpt_path / "tokenizer.json").is_file(), "no tokenizer"
dtype = json.loads(args.config.read_text()).get("dtype", "bf16")
if rank == 0:
    for prompt in args.input_file.read_text().splitlines():
        print("Prompt:", prompt)
        print(f"Completion: {prompt} ({ranks} ranks, {weights['experts']} experts, {dtype})\n")
