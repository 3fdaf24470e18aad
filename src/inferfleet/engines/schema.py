"""Schema of an engine's files; every field has its unit in its name or comment.

Properties come from the engines' sources and documentation, named in comments there. Releases are those of
pypi.org/project/<package>/#history; image tags are taken from public deployments unless noted.
"""

import re
from string import Formatter
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, NonNegativeInt, PositiveInt, model_validator

from inferfleet.catalog.architecture import Precision
from inferfleet.catalog.schema import Capability, Pattern, Vendor
from inferfleet.messages import N_, InvalidValueError

Executor = Literal["ray", "mp"]
Version = Annotated[str, Field(pattern=r"^\w+([.-]\w+)*$")]


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Flag(_Entry):
    """A flag of an engine that was added, removed or renamed in a version, or that guides of other engines use."""

    name: str
    since: Version = "0"
    until: Version = "99999"  # the first version without it; "0": no version in the catalog has it
    # What replaces it: a setting, an option with the same values, or an option and its value.
    renamed: str = ""
    # What replaces it for some of its uses, for display; removing it is right for a model that generates text.
    replaced: tuple[str, ...] = ()


class EngineVersion(_Entry):
    """One version of an engine that the planner may choose, with version-specific properties."""

    version: Version
    image: dict[str, str]  # by vendor; by the name of an accelerator if it requires another image than the vendor's
    image_arm: dict[Vendor, str] = {}  # if the image for aarch64 has another name
    min_compute_capability: Capability = "0.0"
    executors: tuple[Executor, ...] = ()  # across nodes, preferred first; empty: those of the engine
    cuda: str = ""  # CUDA release in the image, one of catalog/driver.yml; empty: not known, drivers are not checked
    # Whether NVIDIA_REQUIRE_CUDA of the image names this release. NVIDIA's own images of nvcr.io have "cuda>=9.0"
    # (history of nvcr.io/nvidia/pytorch:25.10).
    requires_cuda: bool = True
    # Environment with which it loads the image's forward compatibility libraries on an older driver; None: its
    # documentation and Dockerfile do not provide for that.
    forward_compatibility: dict[str, str] | None = None
    nccl: str = ""  # release of NCCL in the image; empty: not known, assumed new
    ray: bool = False  # whether the image contains Ray
    ray_tokens: bool = True  # whether this Ray supports token authentication (Ray 2.52 or later)
    huge_batches: bool = False  # whether its default is 16384 batched tokens on accelerators of 160 GiB or more
    chunked_prefill: bool = True  # default; without it an entire prompt is one batch
    tool_calls: bool = True  # whether it supports tool_call_parsers and its image contains chat_templates
    reasoning_parsers: tuple[str, ...] | None = None  # subset of the engine's that it supports; None: all
    mtp_method: str = "mtp"  # vLLM's name for drafts of the prediction layer in --speculative-config
    env: dict[str, str] = {}
    # Caches that decode context parallelism can divide; `-fp8`: with an FP8 cache.
    decode_context: tuple[Literal["grouped", "grouped-fp8", "latent", "latent-fp8", "sparse-fp8"], ...] = ()
    # MiB that latent attention and its kernels allocate while the model loads, besides parameters and the rotary table,
    # by the accelerator's major compute capability; missing: not known, and assumed.
    latent_buffers: dict[Annotated[str, Field(pattern=r"^\d+$")], NonNegativeInt] = {}
    profiles: bool = True  # whether the choices of `profiles` are valid for it
    lacks: tuple[str, ...] = ()  # architectures of the engine that this version does not support

    def image_of(self, accelerator: str, vendor: Vendor) -> str:
        """Return the image for an accelerator, by its name in the catalog; empty if there is none."""
        return self.image.get(accelerator) or self.image.get(vendor, "")


class Mode(_Entry):
    """A fixed combination of sizes and limits documented by a vendor."""

    tensor_parallel_size: PositiveInt
    pipeline_parallel_size: PositiveInt = 1
    max_model_len: PositiveInt  # tokens
    max_input_len: PositiveInt  # tokens
    max_num_seqs: PositiveInt
    num_speculative_tokens: NonNegativeInt = 0
    env: dict[str, str] = {}


class Profile(_Entry):
    """What a profile chooses; the planner leaves out what the model, the nodes or the user's settings do not allow."""

    num_speculative_tokens: NonNegativeInt = 0
    max_num_batched_tokens: NonNegativeInt = 0  # 0: the engine's default
    performance_mode: Literal["", "interactivity", "throughput"] = ""
    data_parallel: bool = False  # as many replicas of attention as leave no copy of the KV cache
    expert_parallel: bool = False  # with these replicas
    decode_context_parallel: bool = False  # over as many ranks as have copies of the KV cache
    fp8_kv_cache: tuple[Vendor, ...] = ()  # on accelerators of these vendors that compute FP8
    env: dict[Vendor, dict[str, str]] = {}
    env_latent_heads: tuple[PositiveInt, ...] = ()  # heads on a rank that its latent attention has kernels for


class ContainerOptions(_Entry):
    """Additional options of an engine's container."""

    privileged: bool = False
    shm_size: str = ""  # as `docker run --shm-size` takes it; empty: the host's /dev/shm
    mounts: tuple[str, ...] = ()  # as for `docker run --volume`, in addition to the weights


class PeerPorts(_Entry):
    """Ports between nodes of an engine, other than those of its API, of Ray and ephemeral ports."""

    ports: tuple[PositiveInt, ...]  # a port, or the first and last port of a range
    nodes: Literal["head", "workers", "all"]  # which nodes listen
    executor: Executor | None = None  # only with this one; None: with any
    data_parallel: bool = False  # only with more than one replica of attention

    def used(self, executor: str, replicas: int) -> bool:
        """Return whether nodes listen on them with this executor and number of replicas."""
        return self.executor in (None, executor) and (replicas > 1 or not self.data_parallel)


class InternalPorts(_Entry):
    """Ports that an engine listens on and that neither clients nor other nodes need; the node firewall closes them."""

    ports: tuple[PositiveInt, ...] = ()  # a port, or the first and last port of a range
    offsets: tuple[Annotated[int, Field(ge=0)], ...] = ()  # instead of `ports`: the same, relative to the API's port
    nodes: Literal["head", "workers", "all"] = "all"  # which nodes listen

    @model_validator(mode="after")
    def _is_one_range(self) -> Self:
        if bool(self.ports) == bool(self.offsets):
            raise InvalidValueError(N_("internal ports are either ports or offsets"))
        return self

    def span(self, port: int) -> tuple[int, int]:
        """Return the first and the last port of an engine whose API is at `port`."""
        numbers = self.ports or tuple(port + offset for offset in self.offsets)
        return numbers[0], numbers[-1]


class Metrics(_Entry):
    """Prometheus metrics by which the supervisor sees whether the engine makes progress."""

    path: str = "/metrics"
    progress: Annotated[tuple[str, ...], Field(min_length=1)]  # samples of which one changes with every step
    running: str  # gauge: requests in the batch
    waiting: str  # gauge: requests in the queue
    generated: str = ""  # counter: generated tokens
    kv_cache: tuple[str, ...] = ()  # gauge: share of the KV cache in use, in all versions


class Phase(_Entry):
    """One phase of loading, as a waiting task shows it, and the log lines that show it."""

    pattern: Pattern  # for a log line; its groups `percent`, `done` and `total` are numbers of the name
    name: str  # template with the groups of the pattern: "loading weights {percent} %"

    @model_validator(mode="after")
    def _check(self) -> Self:
        groups = set(re.compile(self.pattern).groupindex)
        fields = {field for _, field, _, _ in Formatter().parse(self.name) if field is not None}
        if fields != groups or not groups <= {"percent", "done", "total"}:
            raise InvalidValueError(
                N_("the fields {fields} of the name are not the groups {groups} of the pattern"),
                fields=sorted(fields),
                groups=sorted(groups),
            )
        return self


class Engine(_Entry):
    """engine.yml: an inference engine."""

    name: str = ""  # name in settings and plans; empty: name of its folder
    title: str
    preference: NonNegativeInt = 0  # order for `engine: auto`, 1 first; 0: only if named explicitly
    role: str = "inference_engine"  # Ansible role that runs it
    secrets: tuple[str, ...] = ()  # generated secrets that this role needs
    workload_label: str = ""  # Docker label of containers that it starts itself; empty: it starts none
    port: PositiveInt  # default port of the API server
    protocol: Literal["openai", "none"] = "openai"
    executors: tuple[Executor, ...]  # preferred first
    multi_node: bool
    replicas: bool = True  # whether a service may consist of several replicas with a head node each
    pipeline_parallel: bool = True
    uneven_pipeline: bool = False  # whether stages may hold different numbers of layers
    # Whether tensor parallelism across nodes comes before stages with different numbers of layers.
    uneven_pipeline_last: bool = False
    architectures: tuple[str, ...]
    # Supported precision -> minimum compute capability on NVIDIA. vLLM: docs.vllm.ai, features/quantization, "Supported
    # Hardware"; native FP8 requires 8.9 (below, vLLM's Marlin kernel uses 16-bit arithmetic, which is not native
    # FP8).
    precisions: dict[Precision, Capability]
    methods: tuple[str, ...] = ("",)  # quantization methods of supported checkpoints
    method_capabilities: dict[str, Capability] = {}  # method -> minimum compute capability, if above its precision's
    quantization: dict[str, str] = {}  # method -> value of --quantization, which the engine requires for it
    vendors: tuple[Vendor, ...]
    profiles: dict[Literal["latency", "throughput", "long-context"], Profile] = {}
    profile_vendors: tuple[Vendor, ...] = ("nvidia", "amd")  # whose accelerators the sources of `profiles` are about
    modes: dict[str, Mode] = {}  # empty: the planner chooses sizes; else the first is the default
    env: dict[str, str] = {}  # of the process on every node; `{address}` is replaced by the node's address
    container: ContainerOptions = ContainerOptions()
    model_mount: str = ""  # path of the weights in the container; empty: the host's path
    reads_links: bool = True  # whether the model's files may be links, as in Hugging Face's cache
    # Whether the served model name is that of the model's folder: weights are mounted at a folder of that name.
    named_by_folder: bool = False
    # Optional settings that its command line supports; any other is rejected instead of being ignored.
    settings: tuple[str, ...] = ()
    api_key_env: str = ""  # environment variable with the API key, read by the engine or its command line; empty: none
    takes_api_key: bool = False  # whether it requires an API key that is configured in another way
    api_path: str = "/v1"  # of the OpenAI-compatible API
    health_path: str = "/health"  # 200 while the server works; needs no key
    reasoning_parsers: dict[str, str] = {}  # vLLM's name of a parser -> this engine's name
    tool_call_parsers: dict[str, str] = {}  # vLLM's name of a parser -> this engine's name
    chat_templates: str = ""  # folder with chat templates in its image
    bench_client: str = ""  # engine whose benchmark client (its bench.py) its images hold; empty: none
    webui_image: str = ""  # the vendor's own web UI; empty: Open WebUI's
    webui_image_arm: str = ""  # the same for aarch64
    # Symptom in the doctor's catalog -> regular expressions for log lines of this engine. Symptoms specific to this
    # engine are defined in symptoms/<layer>/<id>.yml.
    log_patterns: dict[str, tuple[Pattern, ...]] = {}
    ready_log: Pattern = ""  # for the log line that shows readiness
    # Phases of loading in their order; of a line, the first match counts, and of a log, the last line that matches.
    # A progress bar that overwrites its line is read when the line ends: Docker logs complete lines, or 16 KiB
    # (github.com/moby/moby, daemon/logger/copier.go).
    phases: tuple[Phase, ...] = ()
    metrics: Metrics | None = None  # None: it has no metrics by default; only completions show progress
    rank_processes: str = ""  # regular expression for the titles of rank processes; empty: no titles
    architecture_capabilities: dict[str, Capability] = {}  # architecture -> minimum compute capability on NVIDIA
    batch_limit: bool = False  # whether it requires that a batch has as many tokens as there are sequences
    multi_node_capability: Capability = "0.0"  # minimum compute capability on several nodes
    caveats: tuple[str, ...] = ()  # warnings for users; may contain fields of a plan in braces
    peer_ports: tuple[PeerPorts, ...] = ()  # with several nodes
    internal_ports: tuple[InternalPorts, ...] = ()
    launcher: str = ""  # mpi: on several nodes the head starts all ranks, as one MPI world
    flags: tuple[Flag, ...] = ()
    flexible_flags: bool = False  # whether it accepts `_` for `-` in an option, and `--option.part`
    # Option set by the plan -> its setting; empty if it is derived from the inventory. They are rejected in
    # engine_extra_args: the engine would use the last value, and the plan would be wrong.
    managed: dict[str, str] = {}
    option_files: tuple[str, ...] = ()  # options that read further options from a file, which is not checked
    # Engine whose command line it shares, including `flexible_flags`, `managed`, `option_files`, parser names, `phases`
    # and `metrics`.
    command_line_of: str = ""
    versions: Annotated[tuple[EngineVersion, ...], Field(min_length=1)]  # newest first


class FlagFile(_Entry):
    """flags/<version>.yml: the options of a command line, each with all its spellings."""

    complete: bool = True  # whether the list is complete
    options: tuple[tuple[str, ...], ...]
    switches: tuple[str, ...] = ()  # those without a value, by their first spelling
