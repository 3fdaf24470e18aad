"""What a user should know of a plan that works: what it costs, leaves idle or does not protect."""

from collections.abc import Iterator, Mapping
from typing import Any

from inferfleet.catalog import Checkpoint, Model
from inferfleet.planner.choose import EngineChoice
from inferfleet.planner.fit import Sizing, rules_of
from inferfleet.planner.fleet import Fleet
from inferfleet.planner.health import health_cautions
from inferfleet.planner.layouts import split_of
from inferfleet.planner.memory import GIB
from inferfleet.settings import Settings


def checkpoint_cautions(model: Model, checkpoint: Checkpoint) -> Iterator[str]:
    """Yield what to know of the weights."""
    if checkpoint.publisher == "nobody":
        yield (
            f"No checkpoint of {model.title} is published in {checkpoint.precision}: sizes are computed for one that an"
            " engine or you would make."
        )
    if checkpoint.precision in ("int8", "int4") and model.checkpoints[0].precision in ("fp8", "bf16"):
        yield (
            f"{checkpoint.id} is {checkpoint.precision}: answers are less accurate than {model.checkpoints[0].id}'s;"
            " run the evaluation before relying on it."
        )


def layout_cautions(model: Model, fleet: Fleet, choice: EngineChoice, sizing: Sizing) -> Iterator[str]:
    """Yield what the layout costs; nothing of one that cannot be."""
    if sizing.problems or choice.engine.modes:
        return
    layout, arch = sizing.layout, model.architecture
    tensor, stages = layout.tensor_parallel_size, layout.pipeline_parallel_size
    if tensor > fleet.per_node and fleet.accelerator.vendor != "cpu":
        better = " PP across nodes costs one transfer a stage." if rules_of(choice, fleet).pipeline_parallel else ""
        yield (
            f"tensor_parallel_size {tensor} crosses nodes ({fleet.per_node} accelerators each): every layer waits for"
            f" the network.{better}"
        )
    if stages > 1 and arch.num_hidden_layers % stages:
        yield (
            f"{arch.num_hidden_layers} layers do not divide by {stages} stages: they are split"
            f" {split_of(arch, layout)}, and the largest stage sets the pace."
        )
    if layout.ranks < fleet.size:
        yield f"{fleet.size - layout.ranks} of {fleet.size} accelerators stay idle."


def engine_cautions(settings: Settings, fleet: Fleet, choice: EngineChoice, facts: Mapping[str, Any]) -> Iterator[str]:
    """Yield what the engine leaves to the user; `facts` fill the catalog's caveats."""
    engine = choice.engine
    for caveat in engine.caveats:
        yield caveat.format_map(facts)
    if engine.protocol == "openai" and not (engine.api_key_env or engine.takes_api_key):
        yield (
            f"{engine.title} is not given engine_api_key: whoever reaches port {settings.engine_port} of the head can"
            " use it. Keep that port closed to others."
        )
    if settings.executor == "ray" and choice.version.ray and not choice.version.ray_tokens:
        yield (
            f"Ray in {choice.image} is older than 2.52 and knows no token authentication: whoever reaches port"
            f" {settings.ray_port} of the head can run programs there. Keep the cluster network closed to others."
        )


def node_cautions(settings: Settings, fleet: Fleet, *, hypothetical: bool) -> Iterator[str]:
    """Yield what to know of the nodes and their memory."""
    unknown = [node.name for node in fleet.nodes if not node.interface]
    gathered = any("interfaces" in node.facts for node in fleet.nodes)
    if len(fleet.nodes) > 1 and unknown and not gathered and not hypothetical:
        yield (
            f"The cluster interface of {', '.join(unknown[:3])}{' and others' if len(unknown) > 3 else ''} is not known"
            " yet: NCCL_SOCKET_IFNAME and GLOO_SOCKET_IFNAME are added once the nodes answer. Set cluster_interface to"
            " fix it."
        )
    share = settings.gpu_memory_utilization
    if share > 0.97 and fleet.accelerator.memory_mib:
        yield (
            f"gpu_memory_utilization {share:.2f} leaves {fleet.accelerator.total_bytes * (1 - share) / GIB:.1f} GiB for"
            " CUDA's context and graphs: starting may run out of memory."
        )
    for node in fleet.nodes:
        yield from health_cautions(node.name, node.facts)
        devices = node.facts.get("accelerators")
        for device in devices if isinstance(devices, list) else ():
            if isinstance(device, Mapping) and str(device.get("persistence", "")).lower() == "disabled":
                yield (
                    f"Persistence mode is off on {node.name}: each start of a process waits for the driver."
                    " Start nvidia-persistenced."
                )
                break
