"""Stand-in for generate.py: reads its rank's weights as torchrun tells the rank, and repeats the prompts."""

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
asked = parser.parse_args()
assert asked.input_file or asked.interactive, "neither prompts nor a terminal"
rank, ranks = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
told = json.loads((asked.ckpt_path / f"model{rank}-mp{ranks}.safetensors").read_text())
assert (told["rank"], told["of"]) == (rank, ranks), told
assert (asked.ckpt_path / "tokenizer.json").is_file(), "no tokenizer"
dtype = json.loads(asked.config.read_text()).get("dtype", "bf16")
if rank == 0:
    for prompt in asked.input_file.read_text().splitlines():
        print("Prompt:", prompt)
        print(f"Completion: {prompt} ({ranks} ranks, {told['experts']} experts, {dtype})\n")
