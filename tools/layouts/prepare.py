"""Write the cases: `python -m tools.layouts.prepare FOLDER`. They then run on a machine without inferfleet."""

import json
import sys
from pathlib import Path
from typing import Any

import yaml
from tools.layouts.models import write_model

from inferfleet.catalog import load_model
from inferfleet.inventory.read import read_inventory
from inferfleet.planner import plan_cluster
from inferfleet.planner.memory import GIB

CASES = Path(__file__).with_name("cases.yml")
_SIZES = ("tensor_parallel_size", "pipeline_parallel_size", "data_parallel_size", "expert_parallel_size")
_SHARED = ("--gpu-memory-utilization", "0.05", "--max-model-len", "20480", "--max-num-seqs", "256")
_ACCEPTED = 1.85  # DeepSeek-V3 Technical Report, 5.4.3: 85 to 90 % of the second tokens


def prepare(folder: Path, described: dict[str, Any]) -> list[dict[str, Any]]:
    """Write the models and `cases.json` into a folder; return the cases."""
    cases = [
        case(folder, described, entry, layout, described["layouts"][layout])
        for entry in described["models"]
        for layout in entry["layouts"]
    ]
    content = {"cases": cases}
    (folder / "cases.json").write_text(json.dumps(content, indent=1), "utf-8")
    return cases


def case(
    folder: Path, described: dict[str, Any], entry: dict[str, Any], layout: str, sizes: dict[str, Any]
) -> dict[str, Any]:
    """Return one layout of a model, with the command line and the memory that the planner gives for it."""
    name, settings = entry["model"], entry.get("settings", {})
    accelerators = entry.get("accelerators", described["accelerators"])
    layers = entry.get("layers", 0)
    label = entry.get("label", name)
    model = folder.resolve() / "models" / f"{name}-{layers or 'all'}"
    write_model(model, load_model(name).architecture, layers)
    replicas = sizes.get("replicas", 1)
    common = {**settings, "model": str(model) if layers else name, "accelerator": described["accelerator"]}
    common["executor"] = "mp"
    own = {key: value for key, value in sizes.items() if key != "replicas"}
    planned = plan(folder, {**common, **own, "accelerators_per_node": accelerators // replicas})
    profile = {"profile": sizes.get("profile", "balanced")}
    chosen = plan(folder, {**common, **profile, "accelerators_per_node": accelerators})
    (node,) = planned["nodes"].values()
    env = {key: value for key, value in node["env"].items() if key != "VLLM_HOST_IP"}
    argv = [f"models/{model.name}" if word == planned["model_path"] else word for word in node["argv"]]
    return {
        "name": f"{label}/{layout}",
        "label": label,
        "model": name,
        "layers": layers,
        "settings": settings,
        "layout": layout,
        "sizes": {key: planned[key] for key in _SIZES},
        "replicas": replicas,
        "profile": profile["profile"],
        "workloads": {name: described["workloads"][name] for name in entry["workloads"]},
        "passes": entry.get("passes", 1),
        "accelerators": accelerators,
        "first_choice": replicas == 1 and argv[3:] == [*next(iter(chosen["nodes"].values()))["argv"]][3:],
        "argv": accepting(argv),
        **shared(entry, planned["budget"], [*described.get("options", []), *entry.get("options", [])]),
        "env": {**env, **described.get("env", {})},
        "planned": planned["budget"],
    }


def shared(entry: dict[str, Any], budget: dict[str, Any], options: list[str]) -> dict[str, Any]:
    """Return the options and the memory of a server that runs next to others, with KV cache of a given size."""
    if "kv_cache_gib" not in entry:
        return {"options": options}
    weights = budget["weights_bytes"] * entry.get("weights_share", 1)
    gib = (weights + budget["activation_bytes"] + budget["overhead_bytes"]) / GIB + entry["kv_cache_gib"]
    own = [*_SHARED, "--kv-cache-memory-bytes", str(int(entry["kv_cache_gib"] * GIB))]
    return {"options": [*options, *own], "gib": round(gib, 1)}


def plan(folder: Path, variables: dict[str, Any]) -> dict[str, Any]:
    """Return what `inferfleet plan --json` prints for one node with these variables."""
    inventory = folder / "inventory.yml"
    head = {"hosts": {"node1": {"ansible_host": "192.0.2.1"}}}
    inventory.write_text(yaml.safe_dump({"all": {"vars": variables, "children": {"ray_head": head}}}), "utf-8")
    cluster = plan_cluster(read_inventory(str(inventory)))
    problems = [*cluster.problems, *cluster.plans[0].problems]
    if problems:
        raise SystemExit("\n".join(f"{variables}: {problem.message}" for problem in problems))
    return cluster.plans[0].as_dict()


def accepting(argv: list[str]) -> list[str]:
    """Return the command line with an assumed acceptance of drafted tokens: without weights no draft is ever right."""
    changed = list(argv)
    for at, word in enumerate(argv[:-1]):
        if word == "--speculative-config":
            assumed = {"rejection_sample_method": "synthetic", "synthetic_acceptance_length": _ACCEPTED}
            changed[at + 1] = json.dumps({**json.loads(argv[at + 1]), **assumed})
    return changed


if __name__ == "__main__":
    for written in prepare(Path(sys.argv[1]), yaml.safe_load(CASES.read_text("utf-8"))):
        print(written["name"], "(first choice)" if written["first_choice"] else "")
