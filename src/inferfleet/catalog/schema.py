"""Schema of the catalog's files; every field has its unit in its name or comment."""

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, NonNegativeInt, PositiveInt

from inferfleet.catalog.architecture import Architecture, Precision
from inferfleet.catalog.quantization import Quantization
from inferfleet.messages import N_, InvalidValueError

Vendor = Literal["nvidia", "amd", "ascend", "vastai", "community", "cpu"]
Capability = Annotated[str, Field(pattern=r"^\d+\.\d$")]
Hub = Literal["huggingface", "modelscope"]
ParserName = str | dict[str, str]
"""vLLM's name of a parser, which engine.yml maps to the engine's name; or a mapping engine -> name."""


def _compilable(pattern: str) -> str:
    try:
        re.compile(pattern)
    except re.error as error:
        template = N_("{pattern} is not a regular expression (position {position})")
        raise InvalidValueError(template, pattern=repr(pattern), position=error.pos) from None
    return pattern


Pattern = Annotated[str, AfterValidator(_compilable)]
"""A regular expression."""


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Checkpoint(_Entry):
    """One published set of weights."""

    id: Annotated[str, Field(pattern=r"^[\w.-]+/[\w.-]+$")]  # on `hub`
    hub: Hub = "huggingface"  # where it is downloaded from by default
    modelscope: str = ""  # id on ModelScope; empty: not published there
    publisher: str
    precision: Precision
    method: str = ""  # of quantization: fp8 (blocks of 128×128), awq, gptq, int8-block, modelopt_fp4 …; empty: none
    quantization: Quantization | None = None  # which layers are quantized; None: as the model's architecture states
    vendors: tuple[Vendor, ...] = ()  # of the accelerators that its format is made for; empty: all
    prediction_layers: bool = True  # whether it has the architecture's multi-token-prediction layers
    tensor_bytes: PositiveInt  # of all tensors
    bytes: PositiveInt  # of all files, which a node's disk must hold
    indexed_bytes: NonNegativeInt = 0  # of all tensors, as the index of a local checkpoint without files states


class Model(_Entry):
    """A model and its published checkpoints, the publisher's first."""

    title: str
    architecture: Architecture
    max_model_len: PositiveInt  # tokens
    reasoning_parser: ParserName = ""
    tool_call_parser: ParserName = ""  # empty: not trained for tool calls
    tool_chat_template: str = ""  # chat template for tools, if its own template does not support them
    trust_remote_code: bool = False  # whether the engine must run Python code of the checkpoint
    checkpoints: Annotated[tuple[Checkpoint, ...], Field(min_length=1)]

    def stored_as(self, checkpoint: Checkpoint) -> "Model":
        """Return the model with the quantized layers of one of its checkpoints."""
        if checkpoint.quantization is None:
            return self
        quantized = self.architecture.model_copy(update={"quantization": checkpoint.quantization})
        return self.model_copy(update={"architecture": quantized})


class Accelerator(_Entry):
    """One kind of accelerator: `accelerators/<product>-<memory>.yml`. A device is what its driver lists as one.

    In the files' comments, "GitHub owner/name#n" is github.com/owner/name/issues/n.
    """

    vendor: Vendor
    product_names: tuple[str, ...] = ()
    """As `nvidia-smi -L`, `amd-smi`, `npu-smi` or `vasmi` prints them; NVIDIA's are in the environment reports of
    vllm-project/vllm and sgl-project/sglang issues."""
    memory_mib: NonNegativeInt
    """MiB of one device as that tool reports it; 0: shares the host's. Source unless noted in an entry (L20 and
    A800: as the L40S and A100): modal-labs/modal-client#2797."""
    usable_mib: NonNegativeInt = 0
    """MiB that a framework sees (cudaMemGetInfo); 0: the same. PyTorch's "total capacity of … GiB", deviceQuery's bytes
    or total_memory of torch.cuda.get_device_properties; drivers differ by up to 0.5 %."""
    compute_capability: Capability | None = None
    """NVIDIA's: developer.nvidia.com/cuda-gpus."""
    brand: Literal["nvidia", "geforce"] = "nvidia"
    """NVML's, as NVIDIA_REQUIRE_CUDA writes it (libnvidia-container, src/nvc_info.c). Data center accelerators are
    "nvidia" or, with some drivers, "tesla", which every image treats alike; only they have CUDA's forward
    compatibility."""
    dtypes: tuple[Precision, ...]
    """Data types supported by its matrix units. NVIDIA's architecture white papers: FP8 from 8.9, bfloat16 from 8.0,
    INT4 from 7.5 to 8.9 (Hopper and Blackwell have none); AMD's CDNA 3 white paper; hiascend.com for the Atlas A2."""
    interconnect: Literal["nvswitch", "nvlink", "xgmi", "hccs", "pcie", "vendor", "none"]
    """Of the SXM board or of the server that the card is sold in; PCIe cards of the same name have no switch."""
    ranks_per_device: PositiveInt = 1
    """Ranks that the engine counts for one device."""
    per_node: PositiveInt = 8
    """Typical number per server, an assumption."""
    devices: tuple[str, ...] = ()
    """Device nodes required in a container."""
    mounts: tuple[str, ...] = ()
    """Driver files required in a container, as for `docker run --volume`."""
    pipeline_parallel: bool = True
    """Whether engines can divide layers over it."""
    large_batches: bool = False
    """Whether vLLM's defaults for it are 8192 tokens and 1024 sequences, not 2048 and 256: from 70 GiB on, but not the
    A100 (vllm/engine/arg_utils.py, get_batch_defaults)."""
    env: dict[str, str] = {}
    """Environment of the engine's containers."""
    images: dict[str, str] = {}
    """Engine -> a public image, for vendor `community`: accelerators that inferfleet only plans, for an image and with
    drivers of the user."""

    @property
    def total_bytes(self) -> int:
        """Memory of one device as the engine sees it, in bytes."""
        return (self.usable_mib or self.memory_mib) * 2**20


class CudaRelease(_Entry):
    """What an image of a CUDA release requires of a driver."""

    version: Annotated[str, Field(pattern=r"^\d+\.\d$")]
    branch: PositiveInt  # the first driver branch that supports it
    min_driver: str  # the oldest driver that runs it without forward compatibility
    older_branches: tuple[PositiveInt, ...]  # further branches that NVIDIA_REQUIRE_CUDA lets in
    brands: tuple[str, ...]  # for these brands


class CudaError(_Entry):
    """A CUDA error caused by the driver or the hardware."""

    code: PositiveInt
    name: str
    pattern: Pattern  # for its message
    cause: str
    remedy: str


class Xid(_Entry):
    """An error that NVIDIA's driver writes to the kernel log (Xid)."""

    code: PositiveInt
    meaning: str
    fatal: bool  # whether the accelerator must be reset or replaced


class DriverFile(_Entry):
    """driver.yml."""

    cuda_releases: tuple[CudaRelease, ...]
    cuda_errors: tuple[CudaError, ...]
    xids: tuple[Xid, ...]
