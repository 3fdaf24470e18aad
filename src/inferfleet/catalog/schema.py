"""The form of the catalog's files; every field has its unit in its name or comment."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, NonNegativeInt, PositiveInt

from inferfleet.catalog.architecture import Architecture, Precision

Vendor = Literal["nvidia", "amd", "ascend", "vastai", "cpu"]
Executor = Literal["ray", "mp"]
Capability = Annotated[str, Field(pattern=r"^\d+\.\d$")]
Version = Annotated[str, Field(pattern=r"^\w+([.-]\w+)*$")]


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Checkpoint(_Entry):
    """One published set of weights."""

    id: Annotated[str, Field(pattern=r"^[\w.-]+/[\w.-]+$")]  # on Hugging Face
    modelscope: str = ""  # the same on ModelScope; empty: not published there
    publisher: str
    precision: Precision
    method: str = ""  # how it was quantized: fp8 (blocks of 128×128), awq, gptq, int8-block; empty: not at all
    prediction_layers: bool = True  # whether it has the architecture's multi-token-prediction layers
    tensor_bytes: PositiveInt  # of all tensors
    bytes: PositiveInt  # of all files, what a node's disk must hold


class Model(_Entry):
    """A model and where its weights are published, the publisher's own checkpoint first."""

    title: str
    architecture: Architecture
    max_model_len: PositiveInt  # tokens
    reasoning_parser: str = ""  # in vLLM's spelling
    tool_call_parser: str = ""  # in vLLM's spelling; empty: it was not made to call tools
    tool_chat_template: str = ""  # file that describes tools to it, where its own template does not
    checkpoints: Annotated[tuple[Checkpoint, ...], Field(min_length=1)]


class Accelerator(_Entry):
    """One kind of accelerator. Memory is that of one device as its driver counts devices."""

    vendor: Vendor
    product_names: tuple[str, ...] = ()  # as the driver reports them
    memory_mib: NonNegativeInt  # as the vendor's tool reports it; 0: shares the host's
    usable_mib: NonNegativeInt = 0  # what a framework sees (cudaMemGetInfo); 0: the same
    compute_capability: Capability | None = None
    dtypes: tuple[Precision, ...]  # computed in hardware
    interconnect: Literal["nvswitch", "nvlink", "xgmi", "hccs", "pcie", "vendor", "none"]
    ranks_per_device: PositiveInt = 1  # ranks the engine counts for one device
    per_node: PositiveInt = 8  # usual number in a server
    devices: tuple[str, ...] = ()  # device nodes a container needs
    mounts: tuple[str, ...] = ()  # files of the driver that a container needs, as `docker run --volume` takes them
    pipeline_parallel: bool = True  # whether engines can divide layers over it
    large_batches: bool = False  # vLLM's defaults for it: 8192 tokens and 1024 sequences, not 2048 and 256
    env: dict[str, str] = {}

    @property
    def total_bytes(self) -> int:
        """Memory of one device as the engine sees it, in bytes."""
        return (self.usable_mib or self.memory_mib) * 2**20


class Flag(_Entry):
    """A flag of an engine that appeared or went with a version."""

    name: str
    since: Version = "0"
    until: Version = "99999"  # the first version without it


class EngineVersion(_Entry):
    """One version of an engine that the catalog offers, with what differs between versions."""

    version: Version
    image: dict[Vendor, str]
    image_arm: dict[Vendor, str] = {}  # where the image for aarch64 has another name
    min_compute_capability: Capability = "0.0"
    executors: tuple[Executor, ...] = ()  # across nodes; empty: those of the engine
    cuda: str = ""  # CUDA release in the image
    min_driver: str = ""  # NVIDIA driver that release needs
    nccl: str = ""  # release of NCCL in the image; empty: not known, and new
    ray: bool = False  # whether the image holds Ray
    ray_tokens: bool = True  # whether that Ray knows token authentication (Ray 2.52 or later)
    huge_batches: bool = False  # whether it takes 16384 tokens on accelerators of 160 GiB or more
    chunked_prefill: bool = True  # by default; without it a whole prompt is one batch
    tool_calls: bool = True  # whether it and its image have what tool_call_parsers and chat_templates say
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
    """Ports at which nodes of an engine reach each other, besides its API and Ray's."""

    ports: tuple[PositiveInt, ...]  # one, or the first and the last of a range
    nodes: Literal["head", "workers", "all"]  # which listen
    executor: Executor | None = None  # only with this one; None: with any
    data_parallel: bool = False  # only with more than one replica of attention


class Engine(_Entry):
    """An inference engine."""

    title: str
    port: PositiveInt
    protocol: Literal["openai", "none"] = "openai"
    executors: tuple[Executor, ...]
    multi_node: bool
    pipeline_parallel: bool = True
    uneven_pipeline: bool = False  # whether stages may hold different numbers of layers
    architectures: tuple[str, ...]
    precisions: dict[Precision, Capability]  # what it serves -> minimum compute capability on NVIDIA
    methods: tuple[str, ...] = ("",)  # quantization methods of checkpoints it loads
    vendors: tuple[Vendor, ...]
    modes: dict[str, Mode] = {}  # empty: the planner chooses sizes; else the first is the default
    container: ContainerOptions = ContainerOptions()
    model_mount: str = ""  # where weights appear in the container; empty: at the host's path
    named_by_folder: bool = False  # whether clients' name for the model is that of its folder in the container
    settings: tuple[str, ...] = ()  # optional keys of the contract that its command line has an option for
    api_key_env: str = ""  # environment variable that it, or our command line, takes the clients' key from; empty: none
    takes_api_key: bool = False  # whether it asks clients for a key that it takes otherwise
    api_path: str = "/v1"  # of the OpenAI-compatible API
    tool_call_parsers: dict[str, str] = {}  # vLLM's name of a parser -> its own
    chat_templates: str = ""  # folder with chat templates in its image
    webui_image: str = ""  # the vendor's own web UI; empty: Open WebUI's
    webui_image_arm: str = ""  # the same for aarch64
    rank_processes: str = ""  # regular expression of the titles of processes that hold a rank; empty: they have none
    architecture_capabilities: dict[str, Capability] = {}  # architecture -> least compute capability on NVIDIA
    multi_node_capability: Capability = "0.0"  # the least on several nodes
    caveats: tuple[str, ...] = ()  # what a user has to know; may name fields of a plan in braces
    peer_ports: tuple[PeerPorts, ...] = ()  # on several nodes
    launcher: str = ""  # mpi: on several nodes the head starts all ranks, as one MPI world
    flags: tuple[Flag, ...] = ()
    flexible_flags: bool = False  # whether it takes `_` for `-` in an option, and `--option.part`
    managed: dict[str, str] = {}  # option that the plan sets -> key of the contract for it; empty: none
    versions: Annotated[tuple[EngineVersion, ...], Field(min_length=1)]  # newest first


class AcceleratorFile(_Entry):
    """accelerators.yml."""

    accelerators: dict[str, Accelerator]


class EngineFile(_Entry):
    """engines.yml."""

    webui_image: str
    engines: dict[str, Engine]


class FlagFile(_Entry):
    """flags/<engine>-<version>.yml: the options of a command line, each with all its spellings."""

    complete: bool = True  # whether there are no others
    options: tuple[tuple[str, ...], ...]


class CudaError(_Entry):
    """An error by which CUDA says that something is wrong with the driver or the machine."""

    code: PositiveInt
    name: str
    pattern: str  # regular expression for the text that it comes with
    cause: str
    remedy: str


class Xid(_Entry):
    """An error that NVIDIA's driver writes into the kernel's log."""

    code: PositiveInt
    meaning: str
    fatal: bool  # whether the accelerator is of no use until it is reset or replaced


class DriverFile(_Entry):
    """driver.yml."""

    cuda_errors: tuple[CudaError, ...]
    xids: tuple[Xid, ...]
