"""The form of an engine's files; every field has its unit in its name or comment.

Facts of the engines come from their sources and documentation, named in comments there. Of a version, releases are
those of pypi.org/project/<package>/#history, and tags of images are named in public deployments unless noted.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, NonNegativeInt, PositiveInt

from inferfleet.catalog.architecture import Precision
from inferfleet.catalog.schema import Capability, Vendor

Executor = Literal["ray", "mp"]
Version = Annotated[str, Field(pattern=r"^\w+([.-]\w+)*$")]


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Flag(_Entry):
    """A flag of an engine that appeared or went with a version."""

    name: str
    since: Version = "0"
    until: Version = "99999"  # the first version without it


class EngineVersion(_Entry):
    """One version of an engine whose image the planner may choose, with what differs between versions."""

    version: Version
    image: dict[Vendor, str]
    image_arm: dict[Vendor, str] = {}  # where the image for aarch64 has another name
    min_compute_capability: Capability = "0.0"
    executors: tuple[Executor, ...] = ()  # across nodes; empty: those of the engine
    cuda: str = ""  # CUDA release in the image
    # NVIDIA driver that release needs: docs.nvidia.com/deploy/cuda-compatibility, minor version compatibility, 525 for
    # CUDA 12.x, 580 for 13.x; full numbers are those of CUDA 12.0 GA and 13.0 GA in the CUDA toolkit's release notes.
    min_driver: str = ""
    nccl: str = ""  # release of NCCL in the image; empty: not known, and new
    ray: bool = False  # whether the image holds Ray
    ray_tokens: bool = True  # whether that Ray knows token authentication (Ray 2.52 or later)
    huge_batches: bool = False  # whether it takes 16384 tokens on accelerators of 160 GiB or more
    chunked_prefill: bool = True  # by default; without it a whole prompt is one batch
    tool_calls: bool = True  # whether it and its image have what tool_call_parsers and chat_templates say
    reasoning_parsers: tuple[str, ...] | None = None  # which of the engine's it has; None: all
    env: dict[str, str] = {}


class Mode(_Entry):
    """A fixed way of running that a vendor documents: sizes and limits go together."""

    tensor_parallel_size: PositiveInt
    pipeline_parallel_size: PositiveInt = 1
    max_model_len: PositiveInt  # tokens
    max_input_len: PositiveInt  # tokens
    max_num_seqs: PositiveInt
    num_speculative_tokens: NonNegativeInt = 0
    env: dict[str, str] = {}


class ContainerOptions(_Entry):
    """What an engine's container needs beyond the usual."""

    privileged: bool = False
    shm_size: str = ""  # as `docker run --shm-size` takes it; empty: the host's /dev/shm
    mounts: tuple[str, ...] = ()  # as `docker run --volume` takes them, besides the weights


class PeerPorts(_Entry):
    """Ports at which nodes of an engine reach each other, besides its API, Ray's and the system's own choice."""

    ports: tuple[PositiveInt, ...]  # one, or the first and the last of a range
    nodes: Literal["head", "workers", "all"]  # which listen
    executor: Executor | None = None  # only with this one; None: with any
    data_parallel: bool = False  # only with more than one replica of attention


class Engine(_Entry):
    """engine.yml: an inference engine."""

    name: str = ""  # in settings and plans; empty: that of its folder
    title: str
    preference: NonNegativeInt = 0  # rank in what `engine: auto` tries, 1 first; 0: only by its name
    role: str = "inference_engine"  # Ansible role that runs it
    secrets: tuple[str, ...] = ()  # generated secrets that this role needs
    workload_label: str = ""  # Docker's label of containers that it starts itself; empty: it starts none
    port: PositiveInt  # of the API: the server's own default
    protocol: Literal["openai", "none"] = "openai"
    executors: tuple[Executor, ...]
    multi_node: bool
    pipeline_parallel: bool = True
    uneven_pipeline: bool = False  # whether stages may hold different numbers of layers
    architectures: tuple[str, ...]
    # What it serves -> minimum compute capability on NVIDIA. vLLM: docs.vllm.ai, features/quantization, "Supported
    # Hardware"; FP8 computes from 8.9 (below, vLLM's Marlin kernel serves it with 16-bit arithmetic, which is not what
    # `fp8` promises).
    precisions: dict[Precision, Capability]
    methods: tuple[str, ...] = ("",)  # quantization methods of checkpoints it loads
    vendors: tuple[Vendor, ...]
    modes: dict[str, Mode] = {}  # empty: the planner chooses sizes; else the first is the default
    env: dict[str, str] = {}  # of every node's process; `{address}` stands for the node's own
    container: ContainerOptions = ContainerOptions()
    model_mount: str = ""  # where weights appear in the container; empty: at the host's path
    # Whether clients' name for the model is that of its folder: weights are mounted under a folder of that name.
    named_by_folder: bool = False
    # Optional settings that its command line has an option for; any other is refused instead of being ignored.
    settings: tuple[str, ...] = ()
    api_key_env: str = ""  # environment variable that it, or our command line, takes the clients' key from; empty: none
    takes_api_key: bool = False  # whether it asks clients for a key that it takes otherwise
    api_path: str = "/v1"  # of the OpenAI-compatible API
    reasoning_parsers: dict[str, str] = {}  # vLLM's name of a parser -> its own
    tool_call_parsers: dict[str, str] = {}  # vLLM's name of a parser -> its own
    chat_templates: str = ""  # folder with chat templates in its image
    bench_client: str = ""  # engine whose benchmark client (its bench.py) its images hold; empty: none
    webui_image: str = ""  # the vendor's own web UI; empty: Open WebUI's
    webui_image_arm: str = ""  # the same for aarch64
    # Symptom of the doctor's catalog -> regular expressions of lines by which this engine shows it. What shows with
    # this engine alone is a symptom of its own, symptoms/<layer>/<id>.yml.
    log_patterns: dict[str, tuple[str, ...]] = {}
    ready_log: str = ""  # regular expression of the line by which it says that it serves
    rank_processes: str = ""  # regular expression of the titles of processes that hold a rank; empty: they have none
    architecture_capabilities: dict[str, Capability] = {}  # architecture -> least compute capability on NVIDIA
    multi_node_capability: Capability = "0.0"  # the least on several nodes
    caveats: tuple[str, ...] = ()  # what a user has to know; may name fields of a plan in braces
    peer_ports: tuple[PeerPorts, ...] = ()  # on several nodes
    launcher: str = ""  # mpi: on several nodes the head starts all ranks, as one MPI world
    flags: tuple[Flag, ...] = ()
    flexible_flags: bool = False  # whether it takes `_` for `-` in an option, and `--option.part`
    # Option that the plan sets -> setting for it; empty where it follows from the inventory. In engine_extra_args they
    # are refused: the engine would take the last one, and the plan be wrong.
    managed: dict[str, str] = {}
    # Engine whose command line it shares: `flexible_flags`, `managed` and names of parsers are those.
    command_line_of: str = ""
    versions: Annotated[tuple[EngineVersion, ...], Field(min_length=1)]  # newest first


class FlagFile(_Entry):
    """flags/<version>.yml: the options of a command line, each with all its spellings."""

    complete: bool = True  # whether there are no others
    options: tuple[tuple[str, ...], ...]
