"""Generate src/inferfleet/evaluate/benchmarks.json, the benchmarks of the pinned EvalScope, from its registry.

`--check` writes nothing and fails if the file is outdated.
"""

import argparse
import json
import subprocess
import sys
from typing import Any

from inferfleet.evaluate.benchmarks import FILE
from inferfleet.evaluate.environment import create_environment, version

LOCAL = ("general_mcq", "general_qa")
# Runs in EvalScope's environment. Benchmarks that cannot be constructed need packages that are not installed.
SCRIPT = """
import json, sys
from pathlib import Path
import evalscope.benchmarks
from evalscope.api.registry import get_benchmark
from evalscope.config import TaskConfig

folder = Path(evalscope.benchmarks.__file__).parent / "_meta"
found = {}
for file in sorted(folder.glob("*.json")):
    about = json.loads(file.read_text())
    if about["meta"].get("category") != "llm":
        continue
    try:
        config = TaskConfig(model="m", eval_type="openai_api", api_url="http://x", datasets=[file.stem])
        benchmark = get_benchmark(file.stem, config)
    except (ImportError, ValueError):
        continue
    meta = benchmark.benchmark_meta
    counts = {s["name"]: s["sample_count"] for s in (about.get("statistics") or {}).get("subset_stats", [])}
    found[file.stem] = {
        "title": meta.pretty_name,
        "subsets": {name: counts.get(name, 0) for name in meta.subset_list},
        "judge": not benchmark.scoring_policy.rule_supported,
        "runs_code": bool(meta.sandbox_config),
    }
json.dump(found, open(sys.argv[1], "w"))
"""


def query_evalscope() -> dict[str, Any]:
    """Return name → metadata of each benchmark of EvalScope."""
    python, _ = create_environment()
    argv = [python, "-c", SCRIPT, "/dev/stdout"]
    done = subprocess.run(argv, capture_output=True, text=True, check=True)
    benchmarks: dict[str, Any] = json.loads(next(line for line in done.stdout.splitlines() if line.startswith("{")))
    return benchmarks


def render(found: dict[str, Any]) -> str:
    """Return the content of the file, one line per benchmark."""
    lines = []
    for name, about in found.items():
        if name not in LOCAL and not any(about["subsets"].values()):
            continue  # needs a data set in an unsupported format
        about = {key: value for key, value in about.items() if value is not False}
        lines.append(f"  {json.dumps(name)}: {json.dumps(about, ensure_ascii=False)}")
    return "{\n" + ",\n".join(lines) + "\n}\n"


def main() -> None:
    """Write the file, or compare it with --check."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="only compare")
    text = render(query_evalscope())
    if not parser.parse_args().check:
        FILE.write_text(text, "utf-8")
    elif FILE.read_text("utf-8") != text:
        sys.exit(f"{FILE} is outdated for EvalScope {version()}. Run: python tools/evaluation_benchmarks.py")


if __name__ == "__main__":
    main()
