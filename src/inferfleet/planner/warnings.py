"""What a user should know of a plan that works: what it costs, leaves idle or does not protect."""

from collections.abc import Iterator, Mapping
from typing import Any

from inferfleet.catalog import Checkpoint, Model
from inferfleet.messages import N_, Message
from inferfleet.planner.choose import EngineChoice
from inferfleet.planner.fit import Sizing, rules_of
from inferfleet.planner.fleet import Fleet
from inferfleet.planner.health import health_warnings
from inferfleet.planner.layouts import split_of
from inferfleet.planner.memory import GIB
from inferfleet.settings import Settings


def checkpoint_warnings(model: Model, checkpoint: Checkpoint) -> Iterator[Message]:
    """Yield what to know of the weights."""
    if checkpoint.publisher == "hypothetical":
        yield Message(
            "hypothetical-checkpoint",
            N_(
                "No checkpoint of {model} is published in {precision}: sizes are computed for one that an engine or you"
                " would make."
            ),
            model=model.title,
            precision=checkpoint.precision,
        )
    if checkpoint.precision in ("int8", "int4") and model.checkpoints[0].precision in ("fp8", "bf16"):
        yield Message(
            "lossy-checkpoint",
            N_(
                "{checkpoint} is {precision}: answers are less accurate than {original}'s; run the evaluation before"
                " relying on it."
            ),
            checkpoint=checkpoint.id,
            precision=checkpoint.precision,
            original=model.checkpoints[0].id,
        )


def layout_warnings(model: Model, fleet: Fleet, choice: EngineChoice, sizing: Sizing) -> Iterator[Message]:
    """Yield what the layout costs; nothing of one that cannot be."""
    if sizing.problems or choice.engine.modes:
        return
    layout, arch = sizing.layout, model.architecture
    tensor, stages = layout.tensor_parallel_size, layout.pipeline_parallel_size
    if tensor > fleet.per_node and fleet.accelerator.vendor != "cpu":
        template = N_(
            "tensor_parallel_size {tensor} crosses nodes ({per_node} accelerators each): every layer waits for the"
            " network."
        )
        if rules_of(choice, fleet).pipeline_parallel:
            template = N_(
                "tensor_parallel_size {tensor} crosses nodes ({per_node} accelerators each): every layer waits for the"
                " network. PP across nodes costs one transfer a stage."
            )
        yield Message("tensor-parallel-crosses-nodes", template, tensor=tensor, per_node=fleet.per_node)
    if stages > 1 and arch.num_hidden_layers % stages:
        yield Message(
            "uneven-stages",
            N_(
                "{layers} layers do not divide by {stages} stages: they are split {split}, and the largest stage sets"
                " the pace."
            ),
            layers=arch.num_hidden_layers,
            stages=stages,
            split=split_of(arch, layout),
        )
    if layout.ranks < fleet.size:
        yield Message(
            "idle-accelerators",
            N_("{idle} of {count} accelerators stay idle."),
            idle=fleet.size - layout.ranks,
            count=fleet.size,
        )


def engine_warnings(
    settings: Settings, fleet: Fleet, choice: EngineChoice, facts: Mapping[str, Any]
) -> Iterator[Message]:
    """Yield what the engine leaves to the user; `facts` fill the catalog's caveats."""
    engine = choice.engine
    for caveat in engine.caveats:
        yield Message("engine-caveat", caveat, **facts)
    if engine.protocol == "openai" and not (engine.api_key_env or engine.takes_api_key):
        yield Message(
            "no-api-key",
            N_(
                "{engine} is not given engine_api_key: whoever reaches port {port} of the head can use it. Keep that"
                " port closed to others."
            ),
            engine=engine.title,
            port=settings.engine_port,
        )
    if settings.executor == "ray" and choice.version.ray and not choice.version.ray_tokens:
        yield Message(
            "ray-without-token",
            N_(
                "Ray in {image} is older than 2.52 and knows no token authentication: whoever reaches port {port} of"
                " the head can run programs there. Keep the cluster network closed to others."
            ),
            image=choice.image,
            port=settings.ray_port,
        )


def node_warnings(settings: Settings, fleet: Fleet, *, hypothetical: bool) -> Iterator[Message]:
    """Yield what to know of the nodes and their memory."""
    unknown = [node.name for node in fleet.nodes if not node.interface]
    gathered = any("interfaces" in node.facts for node in fleet.nodes)
    if len(fleet.nodes) > 1 and unknown and not gathered and not hypothetical:
        template = N_(
            "The cluster interface of {nodes} is not known yet: NCCL_SOCKET_IFNAME and GLOO_SOCKET_IFNAME are added"
            " once the nodes answer. Set cluster_interface to fix it."
        )
        if len(unknown) > 3:
            template = N_(
                "The cluster interface of {nodes} and others is not known yet: NCCL_SOCKET_IFNAME and"
                " GLOO_SOCKET_IFNAME are added once the nodes answer. Set cluster_interface to fix it."
            )
        yield Message("interface-unknown", template, nodes=unknown[:3])
    share = settings.gpu_memory_utilization
    if share > 0.97 and fleet.accelerator.memory_mib:
        yield Message(
            "memory-tight",
            N_(
                "gpu_memory_utilization {share:.2f} leaves {free:.1f} GiB for CUDA's context and graphs: starting may"
                " run out of memory."
            ),
            share=share,
            free=fleet.accelerator.total_bytes * (1 - share) / GIB,
        )
    for node in fleet.nodes:
        yield from health_warnings(node.name, node.facts)
        devices = node.facts.get("accelerators")
        for device in devices if isinstance(devices, list) else ():
            if isinstance(device, Mapping) and str(device.get("persistence", "")).lower() == "disabled":
                yield Message(
                    "persistence-off",
                    N_(
                        "Persistence mode is off on {node}: each start of a process waits for the driver. Start"
                        " nvidia-persistenced."
                    ),
                    node=node.name,
                )
                break
