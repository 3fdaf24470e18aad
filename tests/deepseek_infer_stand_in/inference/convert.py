"""Stand-in for convert.py: the same options and file names, no weights."""

import json
import os
import shutil
import time
from argparse import ArgumentParser
from pathlib import Path

parser = ArgumentParser()
parser.add_argument("--hf-ckpt-path", type=Path, required=True)
parser.add_argument("--save-path", type=Path, required=True)
parser.add_argument("--n-experts", type=int, required=True)
parser.add_argument("--model-parallel", type=int, required=True)
args = parser.parse_args()
assert args.n_experts % args.model_parallel == 0, "experts are not divisible by ranks"
shards = sorted(args.hf_ckpt_path.glob("*.safetensors"))
assert shards, f"no weights in {args.hf_ckpt_path}"
assert not args.save_path.exists(), f"{args.save_path} already exists"
size = sum(shard.stat().st_size for shard in shards)
args.save_path.mkdir()
for rank in range(args.model_parallel):
    name = f"model{rank}-mp{args.model_parallel}.safetensors"
    content = {"rank": rank, "of": args.model_parallel, "experts": args.n_experts, "bytes": size}
    (args.save_path / name).write_text(json.dumps(content))
    (args.save_path / name).chmod(0o600)
    print(f"{rank + 1}/{args.model_parallel}", flush=True)
    time.sleep(float(os.environ.get("STAND_IN_PAUSE", "0")))
for tokenizer in args.hf_ckpt_path.glob("*token*"):
    shutil.copyfile(tokenizer, args.save_path / tokenizer.name)
