"""The form of the catalog's files; every field has its unit in its name or comment."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, NonNegativeInt, PositiveInt

from inferfleet.catalog.architecture import Architecture, Precision

Vendor = Literal["nvidia", "amd", "ascend", "vastai", "cpu"]
Capability = Annotated[str, Field(pattern=r"^\d+\.\d$")]
ParserName = str | dict[str, str]
"""A parser as vLLM names it, which each engine's engine.yml translates; or engine -> the name that it has there."""


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
    reasoning_parser: ParserName = ""
    tool_call_parser: ParserName = ""  # empty: it was not made to call tools
    tool_chat_template: str = ""  # file that describes tools to it, where its own template does not
    trust_remote_code: bool = False  # whether an engine has to run Python code of the checkpoint
    checkpoints: Annotated[tuple[Checkpoint, ...], Field(min_length=1)]


class Accelerator(_Entry):
    """One kind of accelerator: `accelerators/<product>-<memory>.yml`. A device is what its driver counts as one.

    In the files' comments, "GitHub owner/name#n" is github.com/owner/name/issues/n.
    """

    vendor: Vendor
    product_names: tuple[str, ...] = ()
    """As `nvidia-smi -L`, `amd-smi`, `npu-smi` or `vasmi` prints them; NVIDIA's are in the environment reports of
    vllm-project/vllm and sgl-project/sglang issues."""
    memory_mib: NonNegativeInt
    """MiB of one device as that tool reports it; 0: shares the host's. Source unless an entry says otherwise (L20 and
    A800: as the L40S and A100): modal-labs/modal-client#2797."""
    usable_mib: NonNegativeInt = 0
    """MiB that a framework sees (cudaMemGetInfo); 0: the same. PyTorch's "total capacity of … GiB", deviceQuery's bytes
    or total_memory of torch.cuda.get_device_properties; drivers differ by up to 0.5 %."""
    compute_capability: Capability | None = None
    """NVIDIA's: developer.nvidia.com/cuda-gpus."""
    dtypes: tuple[Precision, ...]
    """What its matrix units compute. NVIDIA's architecture white papers: FP8 from 8.9, bfloat16 from 8.0, INT4 from 7.5
    to 8.9 (Hopper and Blackwell have none); AMD's CDNA 3 white paper; hiascend.com for the Atlas A2."""
    interconnect: Literal["nvswitch", "nvlink", "xgmi", "hccs", "pcie", "vendor", "none"]
    """Of the SXM board or of the server that the card is sold in; PCIe cards of the same name lack the switch."""
    ranks_per_device: PositiveInt = 1
    """Ranks that the engine counts for one device."""
    per_node: PositiveInt = 8
    """Usual number in a server, our choice."""
    devices: tuple[str, ...] = ()
    """Device nodes that a container needs."""
    mounts: tuple[str, ...] = ()
    """Files of the driver that a container needs, as `docker run --volume` takes them."""
    pipeline_parallel: bool = True
    """Whether engines can divide layers over it."""
    large_batches: bool = False
    """Whether vLLM's defaults for it are 8192 tokens and 1024 sequences, not 2048 and 256: from 70 GiB on, but not the
    A100 (vllm/engine/arg_utils.py, get_batch_defaults)."""
    env: dict[str, str] = {}
    """Environment of the engine's containers."""

    @property
    def total_bytes(self) -> int:
        """Memory of one device as the engine sees it, in bytes."""
        return (self.usable_mib or self.memory_mib) * 2**20


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
