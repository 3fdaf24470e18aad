"""Estimate without an inventory what fits: one model on one type of accelerator."""

from dataclasses import dataclass
from typing import Any

from inferfleet.inventory.model import Inventory
from inferfleet.planner.cluster import plan_cluster
from inferfleet.planner.load_time import LOAD_BYTES_PER_SECOND
from inferfleet.planner.memory import GIB
from inferfleet.planner.plan import Plan
from inferfleet.settings import Settings


@dataclass(frozen=True)
class Estimate:
    """A plan for hypothetical nodes, with its figures per GPU."""

    plan: Plan
    """That of the first replica; the others are equal, or have a node more."""

    @property
    def fits(self) -> bool:
        """Whether the model fits with these settings."""
        return self.plan.works

    def as_dict(self) -> dict[str, Any]:
        """Return the JSON form; sizes are in GiB per GPU of the pipeline stage with the least free memory."""
        plan, held = self.plan, self.plan.budget
        return {
            "fits": self.fits,
            "model": plan.model,
            "checkpoint": plan.checkpoint,
            "precision": plan.precision,
            "dtype": plan.dtype,
            "engine": plan.engine,
            "engine_version": plan.engine_version,
            "profile": plan.profile,
            "accelerator": plan.accelerator,
            "replicas": plan.replicas,
            "accelerators": plan.accelerators,
            "tensor_parallel_size": plan.tensor_parallel_size,
            "pipeline_parallel_size": plan.pipeline_parallel_size,
            "data_parallel_size": plan.data_parallel_size,
            "decode_context_parallel_size": plan.decode_context_parallel_size,
            "max_model_len": plan.max_model_len,
            "max_num_seqs": plan.max_num_seqs,
            "gpu_memory_utilization": plan.gpu_memory_utilization,
            "memory_gib_per_gpu": _gib(held.total_bytes) if held else None,
            "weights_gib_per_gpu": _gib(held.weights_bytes) if held else None,
            "kv_cache_gib_per_gpu": _gib(max(0, held.kv_cache_bytes)) if held else None,
            "kv_cache_tokens": held.kv_cache_tokens if held else None,
            "max_concurrency": round(held.max_concurrency, 2) if held else None,
            "activation_gib_per_gpu": _gib(held.activation_bytes) if held else None,
            "overhead_gib_per_gpu": _gib(held.activation_bytes + held.overhead_bytes) if held else None,
            "free_gib_per_gpu": _gib(held.free_bytes) if held else None,
            "missing_gib_per_gpu": _gib(held.missing_bytes) if held else None,
            "load_gib_per_node": _gib(plan.load_bytes),
            "load_seconds": plan.load_seconds,
            "load_bytes_per_second": LOAD_BYTES_PER_SECOND,
            "reasons": [reason.as_dict() for reason in plan.reasons],
            "warnings": [warning.as_dict() for warning in plan.warnings],
            "problems": [problem.as_dict() for problem in plan.problems],
        }


def _gib(size: int) -> float:
    return round(size / GIB, 3)


def estimate(settings: Settings, accelerator: str, nodes: int, per_node: int) -> Estimate:
    """Estimate the settings on `nodes` nodes with `per_node` accelerators each (0: the usual number)."""
    update = {"accelerator": accelerator, "accelerators_per_node": per_node}
    inventory = _hypothetical(settings.model_copy(update=update), nodes)
    plan = plan_cluster(inventory, hypothetical=True).plans[0]
    return Estimate(plan)


def _hypothetical(settings: Settings, nodes: int) -> Inventory:
    """Return an inventory of hypothetical nodes."""
    values = settings.model_dump()
    variables = {f"node{i + 1}": {**values, "ansible_host": f"192.0.2.{i + 1}"} for i in range(nodes)}
    head, *workers = variables
    return Inventory({"ray_head": [head], "ray_worker": workers}, variables)
