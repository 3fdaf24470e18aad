"""Stand-in for fp8_cast_bf16.py: the same options and file names, no weights."""

import json
import shutil
from argparse import ArgumentParser
from pathlib import Path

parser = ArgumentParser()
parser.add_argument("--input-fp8-hf-path", type=Path, required=True)
parser.add_argument("--output-bf16-hf-path", type=Path, required=True)
args = parser.parse_args()
index = json.loads((args.input_fp8_hf_path / "model.safetensors.index.json").read_text())
args.output_bf16_hf_path.mkdir()
for name in sorted(set(index["weight_map"].values())):
    shutil.copyfile(args.input_fp8_hf_path / name, args.output_bf16_hf_path / name)
(args.output_bf16_hf_path / "model.safetensors.index.json").write_text(json.dumps(index))
