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
asked = parser.parse_args()
assert asked.n_experts % asked.model_parallel == 0, "experts do not divide by ranks"
shards = sorted(asked.hf_ckpt_path.glob("*.safetensors"))
assert shards, f"no weights in {asked.hf_ckpt_path}"
assert not asked.save_path.exists(), f"{asked.save_path} is not clean"
size = sum(shard.stat().st_size for shard in shards)
asked.save_path.mkdir()
for rank in range(asked.model_parallel):
    name = f"model{rank}-mp{asked.model_parallel}.safetensors"
    told = {"rank": rank, "of": asked.model_parallel, "experts": asked.n_experts, "bytes": size}
    (asked.save_path / name).write_text(json.dumps(told))
    (asked.save_path / name).chmod(0o600)
    print(f"{rank + 1}/{asked.model_parallel}", flush=True)
    time.sleep(float(os.environ.get("STAND_IN_PAUSE", "0")))
for tokenizer in asked.hf_ckpt_path.glob("*token*"):
    shutil.copyfile(tokenizer, asked.save_path / tokenizer.name)
