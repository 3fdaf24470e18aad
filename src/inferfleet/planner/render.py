"""Render decisions into a plan: command line, environment, devices and mounts of each node, and the reasons."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from math import floor
from pathlib import PurePosixPath

from inferfleet.catalog import Checkpoint, Model, load_cuda_releases
from inferfleet.catalog.folder import blob_mounts, folder_name, provided_folders
from inferfleet.engines import Mode, load_command
from inferfleet.engines.launch import Launch
from inferfleet.engines.mpi import MOUNT as LAUNCHER_MOUNT
from inferfleet.engines.parsers import reasoning_parser, tool_call_parser
from inferfleet.messages import N_, Message, Problem
from inferfleet.planner.choose import EngineChoice
from inferfleet.planner.cuda import driver_fit
from inferfleet.planner.executors import why_executor
from inferfleet.planner.fabric import Fabric
from inferfleet.planner.features import webui_image
from inferfleet.planner.fit import Sizing
from inferfleet.planner.flags import flag_warnings, flags_of
from inferfleet.planner.fleet import Fleet, Node
from inferfleet.planner.layouts import split_of
from inferfleet.planner.load_time import load_bytes
from inferfleet.planner.memory import GIB, Budget
from inferfleet.planner.plan import ContainerPlan, NodePlan, Plan
from inferfleet.planner.ray_args import ray_argv
from inferfleet.planner.supervision import hang_seconds, step_seconds, supervised
from inferfleet.planner.warnings import (
    cache_warnings,
    checkpoint_warnings,
    engine_warnings,
    layout_warnings,
    node_warnings,
)
from inferfleet.planner.weights import stage_weights
from inferfleet.proxies import bypass_given_proxy
from inferfleet.settings import Settings


@dataclass(frozen=True)
class Decided:
    """All decisions; rendering adds none."""

    settings: Settings
    model: Model
    fleet: Fleet
    choice: EngineChoice
    checkpoint: Checkpoint
    dtype: str
    sizing: Sizing
    mode: Mode | None
    fabric: Fabric
    hypothetical: bool = False
    profile_env: Mapping[str, str] = field(default_factory=dict)


def render(decided: Decided, problems: list[Problem], reasons: list[Message]) -> Plan:
    """Return the plan of these decisions; `reasons` are those of the data type and the profile."""
    settings, fleet, choice, sizing = decided.settings, decided.fleet, decided.choice, decided.sizing
    checkpoint, layout = decided.checkpoint, decided.sizing.layout
    path = _model_path(settings, checkpoint)
    provided = checkpoint.publisher == "local"
    name = folder_name(PurePosixPath(path)) if provided else settings.model
    served = (settings.served_model_name or name).rstrip("/").rpartition("/")[2]
    inside, mounts = path, [f"{path}:{path}:ro"]
    if choice.engine.model_mount:
        parent = PurePosixPath(path).parent
        inside, mounts = (
            f"{choice.engine.model_mount}/{PurePosixPath(path).name}",
            [f"{parent}:{choice.engine.model_mount}:ro"],
        )
    elif choice.engine.named_by_folder:
        inside = f"/models/{served}"
        mounts = [f"{path}:{inside}:ro"]
    mounts = [*mounts, *blob_mounts(path, inside), *choice.engine.container.mounts]
    launcher = choice.engine.launcher if len(fleet.nodes) > 1 else ""
    if launcher:
        mounts.append(LAUNCHER_MOUNT)
    launch = Launch(
        model_path=inside,
        served_model_name=served,
        layout=layout,
        executor=settings.executor,
        nodes=len(fleet.nodes),
        rank=0,
        head=fleet.head.address,
        per_node=fleet.per_node,
        port=settings.engine_port,
        dtype=decided.dtype,
        max_model_len=sizing.limits.max_model_len,
        max_num_seqs=sizing.limits.max_num_seqs,
        gpu_memory_utilization=settings.gpu_memory_utilization if fleet.accelerator.memory_mib else None,
        static_share=_share(sizing.budget, with_weights=True),
        free_share=_share(sizing.budget),
        reasoning_parser=reasoning_parser(decided.model, choice.name, choice.engine, choice.version),
        kv_cache_dtype=settings.kv_cache_dtype,
        quantization=choice.engine.quantization.get(checkpoint.method, ""),
        max_num_batched_tokens=settings.max_num_batched_tokens,
        num_speculative_tokens=settings.num_speculative_tokens,
        mtp_method=choice.version.mtp_method,
        enforce_eager=settings.enforce_eager,
        performance_mode=settings.performance_mode,
        enable_prefix_caching=settings.enable_prefix_caching,
        **_tools(decided),
        architecture=decided.model.architecture.name,
        trust_remote_code=decided.model.trust_remote_code,
        flags=flags_of(choice),
        api_key_env=choice.engine.api_key_env,
        ray_port=settings.ray_port,
        network=settings.cluster_network,
        addresses=tuple(node.address for node in fleet.nodes),
        extra=tuple(str(a) for a in settings.engine_extra_args),
    )
    release = load_cuda_releases().get(choice.version.cuda)
    why_this_executor = why_executor(choice.engine, choice.version, choice.executor, fleet)
    nodes = {
        node.name: _node_plan(decided, node, rank, replace(launch, rank=rank), mounts)
        for rank, node in enumerate(fleet.nodes)
    }
    return Plan(
        engine=choice.name,
        executor=settings.executor,
        profile=settings.profile,
        model=settings.model,
        protocol=choice.engine.protocol,
        launcher=launcher,
        engine_version=choice.version.version,
        image=choice.image,
        checkpoint=checkpoint.id,
        checkpoint_modelscope=checkpoint.modelscope,
        checkpoint_hub=checkpoint.hub,
        checkpoint_is_local=provided,
        checkpoint_bytes=checkpoint.bytes,
        load_bytes=load_bytes(checkpoint.bytes, _stages(decided), len(fleet.nodes)),
        precision=checkpoint.precision,
        dtype=decided.dtype,
        model_path=path,
        served_model_name=served,
        port=settings.engine_port,
        accelerator=fleet.name,
        vendor=fleet.accelerator.vendor,
        min_driver=release.min_driver if release else "",
        accelerators=fleet.size,
        transport=decided.fabric.transport,
        tensor_parallel_size=layout.tensor_parallel_size,
        pipeline_parallel_size=layout.pipeline_parallel_size,
        data_parallel_size=layout.data_parallel_size,
        decode_context_parallel_size=layout.decode_context_parallel_size,
        expert_parallel_size=layout.expert_ranks if layout.expert_parallel else 1,
        max_model_len=sizing.limits.max_model_len,
        max_num_seqs=sizing.limits.max_num_seqs,
        gpu_memory_utilization=settings.gpu_memory_utilization,
        kv_cache_dtype=settings.kv_cache_dtype,
        api_key_env=choice.engine.api_key_env,
        takes_api_key=bool(choice.engine.api_key_env or choice.engine.takes_api_key),
        api_path=choice.engine.api_path,
        webui_image=webui_image(settings.webui_image, choice, fleet),
        dcgm_image=settings.monitoring_dcgm_image if fleet.accelerator.vendor == "nvidia" else "",
        rank_processes=choice.engine.rank_processes,
        supervised=supervised(settings, choice.engine),
        hang_seconds=_hang_seconds(decided),
        reasoning_parser=launch.reasoning_parser,
        trust_remote_code=launch.trust_remote_code,
        budget=sizing.budget,
        container=_container(decided),
        nodes=nodes,
        reasons=[
            choice.reason,
            *([why_this_executor] if why_this_executor else []),
            _why_checkpoint(decided),
            *reasons,
            *_why_layout(decided),
        ],
        warnings=[*sizing.warnings, *_warnings(decided, path, served)],
        problems=problems,
        # Host memory is not counted, so the alternatives have no budget either.
        alternatives=[replace(c, budget=None) if sizing.budget is None else c for c in sizing.alternatives],
    )


def _tools(decided: Decided) -> dict[str, str]:
    """Return the engine's tool call parser and the chat template for tools, if tool calls are enabled."""
    choice, model = decided.choice, decided.model
    parser = tool_call_parser(model, choice.name, choice.engine, choice.version)
    if not decided.settings.enable_auto_tool_choice or not parser:
        return {}
    template = f"{choice.engine.chat_templates}/{model.tool_chat_template}" if model.tool_chat_template else ""
    return {"tool_call_parser": parser, "chat_template": template}


def _hang_seconds(decided: Decided) -> int:
    settings, engine, sizing = decided.settings, decided.choice.engine, decided.sizing
    if not supervised(settings, engine):
        return 0
    if settings.supervisor_hang_seconds:
        return settings.supervisor_hang_seconds
    ranks = sizing.layout.tensor_parallel_size * sizing.layout.data_parallel_size
    step = step_seconds(decided.model.architecture, sizing.limits, ranks, decided.fleet.accelerator.vendor)
    return hang_seconds(step, has_metrics=engine.metrics is not None)


def _share(held: Budget | None, *, with_weights: bool = False) -> float | None:
    """Return the KV cache (and weights) as a share of the memory an engine manages, rounded down; None if not known.

    The share configured for engines other than vLLM excludes activations.
    """
    if held is None:
        return None
    cache = max(0, held.kv_cache_bytes)
    if with_weights:
        return floor(100 * (held.weights_bytes + cache) / held.total_bytes) / 100
    return floor(100 * cache / max(1, held.total_bytes - held.weights_bytes - held.overhead_bytes)) / 100


def _model_path(settings: Settings, checkpoint: Checkpoint) -> str:
    return next(iter(provided_folders(settings.model)), f"{settings.model_root}/{checkpoint.id}")


def _stages(decided: Decided) -> tuple[int, ...]:
    """Return the weights of each pipeline stage; none for a model on one stage, or in a vendor's mode."""
    layout = decided.sizing.layout
    model = decided.model.stored_as(decided.checkpoint)
    # More stages than layers are refused, and are not counted one by one.
    if not 1 < layout.pipeline_parallel_size <= model.architecture.num_hidden_layers or decided.mode:
        return ()
    return stage_weights(model.architecture, decided.checkpoint.precision, layout)


def _node_plan(decided: Decided, node: Node, rank: int, launch: Launch, mounts: list[str]) -> NodePlan:
    settings, fleet, fabric = decided.settings, decided.fleet, decided.fabric.nodes[node.name]
    over_ray = settings.executor == "ray"
    return NodePlan(
        role=node.role,
        rank=rank,
        address=node.address,
        interface=node.interface,
        argv=load_command(decided.choice.name)(launch),
        env=_env(decided, node),
        ray_argv=ray_argv(settings, node.role, node.address, fleet.head.address, fleet.per_node) if over_ray else [],
        devices=[*fleet.accelerator.devices, *(["/dev/infiniband"] if fabric.ports else [])],
        mounts=[*mounts, *fleet.accelerator.mounts],
        rdma=fabric.rdma,
        link_gbps=fabric.link_gbps,
    )


def _env(decided: Decided, node: Node) -> dict[str, str]:
    settings, accelerator, choice = decided.settings, decided.fleet.accelerator, decided.choice
    env = {**accelerator.env, **choice.version.env}
    if driver_fit(decided.fleet, choice.version) == "forward":
        env |= choice.version.forward_compatibility or {}
    if decided.mode:
        env |= decided.mode.env
    env |= decided.profile_env
    env |= decided.fabric.env(node.name)
    if settings.nccl_debug:
        env["NCCL_DEBUG"] = settings.nccl_debug
    env |= {name: value.replace("{address}", node.address) for name, value in choice.engine.env.items()}
    if settings.executor == "ray":
        env["RAY_USAGE_STATS_ENABLED"] = "0"
    env["HF_HUB_OFFLINE"] = "1"
    env |= {str(k): str(v) for k, v in settings.engine_extra_env.items()}
    return bypass_given_proxy(env, [other.address for other in decided.fleet.nodes])


def _container(decided: Decided) -> ContainerPlan:
    options, rdma = decided.choice.engine.container, decided.fabric.uses_rdma
    return ContainerPlan(
        privileged=options.privileged,
        shm_size=options.shm_size,
        gpus="all" if decided.fleet.accelerator.vendor == "nvidia" else "",
        # RDMA pins the memory it registers; NVIDIA's images require these limits whenever NCCL runs.
        cap_add=("IPC_LOCK",) if rdma else (),
        ulimits=("memlock=-1:-1", "stack=67108864:67108864") if rdma else (),
    )


def _why_checkpoint(decided: Decided) -> Message:
    checkpoint, published = decided.checkpoint, decided.model.checkpoints[0]
    if checkpoint.id == published.id:
        template = N_("{checkpoint} ({precision}): original checkpoint of the publisher")
        return Message("checkpoint", template, checkpoint=checkpoint.id, precision=checkpoint.precision)
    template, where = N_("{checkpoint} ({precision}): as configured"), ""
    if not decided.settings.checkpoint and not decided.settings.precision:
        computed = published.precision in decided.fleet.accelerator.dtypes
        where = decided.choice.engine.title if computed else decided.fleet.name
        template = N_("{checkpoint} ({precision}): {where} does not support {original}")
    return Message(
        "checkpoint",
        template,
        checkpoint=checkpoint.id,
        precision=checkpoint.precision,
        where=where,
        original=published.precision,
    )


def _why_layout(decided: Decided) -> list[Message]:
    if decided.sizing.problems:
        return []  # the configured layout is invalid
    layout, fleet, budget = decided.sizing.layout, decided.fleet, decided.sizing.budget
    links = {"nvswitch": "NVLink", "nvlink": "NVLink", "xgmi": "Infinity Fabric", "hccs": "HCCS", "pcie": "PCIe"}
    link = links.get(fleet.accelerator.interconnect) or Message("", N_("the node's interconnect"))
    tensor, pipeline = layout.tensor_parallel_size, layout.pipeline_parallel_size
    if decided.mode:
        template = N_("TP {tensor}, PP {pipeline}: vendor mode, in the vendor's count of ranks")
        parts = [Message("", template, tensor=tensor, pipeline=pipeline)]
    elif tensor > fleet.per_node:
        parts = [Message("", N_("TP {tensor} across nodes: one all-reduce per layer over the network"), tensor=tensor)]
    elif tensor == 1 and layout.data_parallel_size > 1:
        parts = [Message("", N_("TP 1: the attention of each layer on one accelerator"))]
    elif tensor == 1:
        parts = [Message("", N_("TP 1: each layer on one accelerator"))]
    else:
        parts = [Message("", N_("TP {tensor} within a node over {link}"), tensor=tensor, link=link)]
    if layout.data_parallel_size > 1:
        replicas = N_("DP {replicas}: one KV cache per replica, experts shared by all ranks")
        parts.append(Message("", replicas, replicas=layout.data_parallel_size))
    if layout.decode_context_parallel_size > 1:
        context = N_("DCP {ranks}: the KV cache of a sequence is divided over {ranks} ranks")
        parts.append(Message("", context, ranks=layout.decode_context_parallel_size))
    if pipeline > 1 and not decided.mode:
        template = N_("PP {stages} within the node: layers {split}")
        if len(fleet.nodes) > 1:
            template = N_("PP {stages} across nodes: layers {split}")
        parts.append(Message("", template, stages=pipeline, split=split_of(decided.model.architecture, layout)))
    if budget is None or not fleet.accelerator.memory_mib:
        return [Message("layout", "{layout}", layout=parts)]
    return [
        Message(
            "layout",
            N_("{layout}; {weights:.1f} GiB weights and {cache:.1f} GiB KV cache per GPU"),
            layout=parts,
            weights=budget.weights_bytes / GIB,
            cache=budget.kv_cache_bytes / GIB,
        )
    ]


def _warnings(decided: Decided, model_path: str, served_model_name: str) -> list[Message]:
    settings, model, fleet, choice = decided.settings, decided.model, decided.fleet, decided.choice
    tensor = decided.sizing.layout.tensor_parallel_size
    facts = {"model_path": model_path, "served_model_name": served_model_name, "tensor_parallel_size": tensor}
    return [
        *checkpoint_warnings(model, decided.checkpoint),
        *layout_warnings(model, fleet, choice, decided.sizing),
        *([] if decided.mode else cache_warnings(settings, decided.sizing)),
        *engine_warnings(settings, fleet, choice, facts),
        *flag_warnings(choice, settings.engine_extra_args),
        *node_warnings(settings, fleet, hypothetical=decided.hypothetical),
        *decided.fabric.warnings,
    ]
