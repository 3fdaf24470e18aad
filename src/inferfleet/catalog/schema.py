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


class AcceleratorFile(_Entry):
    """accelerators.yml."""

    accelerators: dict[str, Accelerator]


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
