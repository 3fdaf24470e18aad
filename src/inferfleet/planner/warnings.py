"""Warnings of a valid plan: performance costs, unused hardware and missing protection."""

from collections.abc import Iterator, Mapping
from typing import Any

from inferfleet.catalog import Checkpoint, Model, load_cuda_releases
from inferfleet.inventory.model import is_ipv4
from inferfleet.messages import N_, Message
from inferfleet.planner.checkpoints import LOSSLESS, nearest_checkpoint
from inferfleet.planner.choose import EngineChoice
from inferfleet.planner.community import community_warnings
from inferfleet.planner.cuda import driver_fit
from inferfleet.planner.fit import Sizing, rules_of
from inferfleet.planner.fleet import Fleet
from inferfleet.planner.health import health_warnings
from inferfleet.planner.layouts import split_of
from inferfleet.planner.memory import GIB
from inferfleet.settings import Settings


def checkpoint_warnings(model: Model, checkpoint: Checkpoint) -> Iterator[Message]:
    """Yield the warnings about the checkpoint."""
    if checkpoint.publisher == "hypothetical":
        yield Message(
            "hypothetical-checkpoint",
            N_(
                "No {precision} checkpoint of {model} is published: sizes are computed for a checkpoint converted"
                " by the engine or by you."
            ),
            model=model.title,
            precision=checkpoint.precision,
        )
    elif checkpoint.id not in {known.id for known in model.checkpoints}:
        nearest = nearest_checkpoint(checkpoint.id)
        known = N_(
            "Checkpoint {checkpoint} is not in the catalog: the plan assumes the architecture, the precision"
            " ({precision}) and the size of {model}. Compare them with its config.json."
        )
        similar = N_(
            "Checkpoint {checkpoint} is not in the catalog: the plan assumes the architecture, the precision"
            " ({precision}) and the size of {model}. Compare them with its config.json; did you mean {nearest}?"
        )
        yield Message(
            "checkpoint-unknown",
            similar if nearest else known,
            checkpoint=checkpoint.id,
            precision=checkpoint.precision,
            model=model.title,
            nearest=nearest,
        )
    if checkpoint.indexed_bytes and checkpoint.indexed_bytes != checkpoint.tensor_bytes:
        yield Message(
            "index-disagrees",
            N_(
                "model.safetensors.index.json of {checkpoint} states {indexed:.0f} GB, but the parameters in"
                " {precision} take {computed:.0f} GB: the plan uses the latter."
            ),
            checkpoint=checkpoint.id,
            indexed=checkpoint.indexed_bytes / 1e9,
            precision=checkpoint.precision,
            computed=checkpoint.tensor_bytes / 1e9,
        )
    if model.architecture.assumed:
        yield Message(
            "architecture-unknown",
            N_(
                "The planner does not know architecture {architecture}: it assumes that the {weights:.1f} GiB of"
                " weights are divided evenly among the ranks, that a token takes {kv} bytes of KV cache on each rank"
                " (setting kv_bytes_per_token), and that activations are those of a dense model. Whether the engine"
                " supports the architecture is not checked. Compare the plan with the memory that the"
                " engine's log reports."
            ),
            architecture=model.architecture.name,
            weights=checkpoint.tensor_bytes / GIB,
            kv=model.architecture.assumed.kv_bytes * model.architecture.num_hidden_layers,
        )
    if model.trust_remote_code:
        yield Message(
            "remote-code",
            N_("{model} has Python code of its own, which the engine runs: use a checkpoint from a trusted publisher."),
            model=model.title,
        )
    if checkpoint.precision not in LOSSLESS and model.checkpoints[0].precision in ("fp8", "bf16"):
        yield Message(
            "lossy-checkpoint",
            N_(
                "{checkpoint} is quantized to {precision}: its answers are less accurate than those of {original}."
                " Run `inferfleet evaluate` before production use."
            ),
            checkpoint=checkpoint.id,
            precision=checkpoint.precision,
            original=model.checkpoints[0].id,
        )


def cache_warnings(settings: Settings, sizing: Sizing) -> Iterator[Message]:
    """Yield the warning about sequences of full length that do not fit at once, if the user set both numbers."""
    held, wanted = sizing.budget, settings.max_num_seqs
    if held is None or not held.fits or not settings.max_model_len or held.max_concurrency >= wanted:
        return
    yield Message(
        "sequences-wait",
        N_(
            "The KV cache of a replica holds {sequences:.1f} sequences of {length} tokens at once, fewer than"
            " max_num_seqs ({wanted}): further ones of this length wait; shorter ones take less. A replica on more"
            " nodes holds more, but the failure of one of them interrupts all."
        ),
        sequences=held.max_concurrency,
        length=settings.max_model_len,
        wanted=wanted,
    )


def layout_warnings(model: Model, fleet: Fleet, choice: EngineChoice, sizing: Sizing) -> Iterator[Message]:
    """Yield the warnings about the layout; none for an invalid layout."""
    if sizing.problems or choice.engine.modes:
        return
    layout, arch = sizing.layout, model.architecture
    tensor, stages = layout.tensor_parallel_size, layout.pipeline_parallel_size
    if tensor > fleet.per_node and fleet.accelerator.vendor != "cpu":
        template = N_(
            "tensor_parallel_size {tensor} spans nodes ({per_node} accelerators each): every layer waits for the"
            " network."
        )
        if rules_of(choice, fleet).pipeline_parallel:
            template = N_(
                "tensor_parallel_size {tensor} spans nodes ({per_node} accelerators each): every layer waits for"
                " the network. Pipeline parallelism across nodes needs one transfer per stage."
            )
        yield Message("tensor-parallel-crosses-nodes", template, tensor=tensor, per_node=fleet.per_node)
    if stages > 1 and arch.num_hidden_layers % stages:
        yield Message(
            "uneven-stages",
            N_(
                "{layers} layers cannot be divided evenly into {stages} pipeline stages (split {split}): the"
                " largest stage is the bottleneck."
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
    """Yield the warnings about the engine; `facts` fill the placeholders of the catalog's caveats."""
    engine = choice.engine
    yield from community_warnings(fleet, choice.image)
    for caveat in engine.caveats:
        yield Message("engine-caveat", caveat, **facts)
    if engine.protocol == "openai" and not (engine.api_key_env or engine.takes_api_key):
        yield Message(
            "no-api-key",
            N_(
                "{engine} runs without an API key: any client that can reach port {port} of the head node can use"
                " the API. Restrict access to this port."
            ),
            engine=engine.title,
            port=settings.engine_port,
        )
    if settings.executor == "ray" and choice.version.ray and not choice.version.ray_tokens:
        yield Message(
            "ray-without-token",
            N_(
                "Ray in {image} is older than 2.52 and does not support token authentication: any host that can"
                " reach port {port} of the head node can run programs there. Restrict access to the cluster"
                " network."
            ),
            image=choice.image,
            port=settings.ray_port,
        )
    if driver_fit(fleet, choice.version) == "forward":
        yield Message(
            "forward-compatibility",
            N_(
                "Driver {driver} is older than CUDA {cuda} of the image: the engine uses the image's forward"
                " compatibility libraries. Install driver {needed} or newer to do without them."
            ),
            driver=fleet.driver,
            cuda=choice.version.cuda,
            needed=load_cuda_releases()[choice.version.cuda].min_driver,
        )


def node_warnings(settings: Settings, fleet: Fleet, *, hypothetical: bool) -> Iterator[Message]:
    """Yield the warnings about the nodes and their memory."""
    unaddressed = [node.name for node in fleet.nodes if not is_ipv4(node.address)]
    if unaddressed and not hypothetical:
        template = N_(
            "The address of {nodes} on the cluster network is not known yet: it is selected once the nodes report"
            " their interfaces. Set cluster_address to specify it now."
        )
        if len(unaddressed) > 3:
            template = N_(
                "The address of {nodes} and others on the cluster network is not known yet: it is selected once the"
                " nodes report their interfaces. Set cluster_address to specify it now."
            )
        yield Message("address-unknown", template, nodes=unaddressed[:3])
    unknown = [node.name for node in fleet.nodes if not node.interface]
    gathered = any("interfaces" in node.facts for node in fleet.nodes)
    if len(fleet.nodes) > 1 and unknown and not gathered and not hypothetical:
        template = N_(
            "The cluster interface of {nodes} is not known yet: NCCL_SOCKET_IFNAME and GLOO_SOCKET_IFNAME are set"
            " once the nodes report their interfaces. Set cluster_interface to specify it now."
        )
        if len(unknown) > 3:
            template = N_(
                "The cluster interface of {nodes} and others is not known yet: NCCL_SOCKET_IFNAME and"
                " GLOO_SOCKET_IFNAME are set once the nodes report their interfaces. Set cluster_interface to"
                " specify it now."
            )
        yield Message("interface-unknown", template, nodes=unknown[:3])
    share = settings.gpu_memory_utilization
    if share > 0.97 and fleet.accelerator.memory_mib:
        yield Message(
            "memory-tight",
            N_(
                "gpu_memory_utilization {share:.2f} leaves {free:.1f} GiB for the CUDA context and CUDA graphs: the"
                " engine may run out of memory at startup."
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
                        "Persistence mode is off on {node}: every process start waits for driver initialization."
                        " Start nvidia-persistenced."
                    ),
                    node=node.name,
                )
                break
