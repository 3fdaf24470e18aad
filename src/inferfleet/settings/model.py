"""The settings with their types: the one place that declares what a user may set.

`make references` writes `group_vars/all/main.yml` and docs/settings.md from it (a test compares them).
"""

import ipaddress
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Annotated, Literal, get_args, get_origin
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints
from pydantic.fields import FieldInfo
from pydantic_core import PydanticKnownError

from inferfleet.engines import load_engines
from inferfleet.messages import N_, Message


class UnfitValueError(ValueError):
    """A value of the right type that a setting cannot have.

    `reason` continues "is VALUE, which"; `remedy` is imperative. Both are templates without fields.
    """

    def __init__(self, reason: str, remedy: str) -> None:
        super().__init__(reason)
        self.reason, self.remedy = Message("", reason), Message("", remedy)


def _absolute_path(value: str) -> str:
    path = PurePosixPath(value)
    if not path.is_absolute() or ".." in path.parts:
        raise UnfitValueError(N_("is not an absolute path"), N_("write it from the root, for example /data/models"))
    if ":" in value:
        raise UnfitValueError(
            N_("has a colon in it"), N_("choose a path without, since Docker separates a mount's parts with colons")
        )
    return value


def _optional_path(value: str) -> str:
    return _absolute_path(value).rstrip("/") if value else value


def _http_url(value: str) -> str:
    try:
        parts = urlsplit(value)
        usable = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable or value.endswith("/") or any(c.isspace() for c in value):
        raise UnfitValueError(
            N_("is not an http(s) URL without a trailing slash"), N_("write it like https://hf-mirror.com")
        )
    return value


def _network(value: str) -> str:
    if value:
        try:
            ipaddress.IPv4Network(value)
        except ValueError:
            raise UnfitValueError(
                N_("is not an IPv4 network"), N_("write its first address and prefix length, for example 10.0.0.0/24")
            ) from None
    return value


def _repository(value: str) -> str:
    if value and not re.fullmatch(r"\w[\w.-]*/\w[\w.-]*", value):  # no `..`: it becomes a path below model_root
        raise UnfitValueError(
            N_("is not a hub repository id"), N_("write it as owner/name, for example deepseek-ai/DeepSeek-R1")
        )
    return value


def _host_port(value: str) -> str:
    if not re.fullmatch(r"[\w.-]+(:\d{1,5})?", value):
        raise UnfitValueError(
            N_("is not host:port"), N_("write it without a scheme, for example registry.example.com:5000")
        )
    return value


def _registry(value: str) -> str:
    if not re.fullmatch(r"[\w-]+(\.[\w-]+)*(:\d{1,5})?", value):
        raise UnfitValueError(N_("is not the name of a registry"), N_("write it like docker.io or quay.io"))
    return value


def _prefix(value: str) -> str:
    if not re.fullmatch(r"[\w.-]+(:\d{1,5})?(/[a-z0-9._-]+)*", value):
        raise UnfitValueError(
            N_("is not a registry with an optional path"),
            N_("write it without a scheme, like registry.example.com:5000/hub"),
        )
    return value


def _email(value: str) -> str:
    if not re.fullmatch(r"[^@\s]+@[^@\s]+", value):
        raise UnfitValueError(N_("is not an e-mail address"), N_("write one like admin@example.com"))
    return value


def engine_names() -> list[str]:
    """Return what `engine` may be: the engines that are found, in the order of preference, and `auto`."""
    return ["auto", *load_engines()]


def _engine(value: str) -> str:
    names = engine_names()
    if value not in names:
        listed = ", ".join(map(repr, names[:-1]))
        raise PydanticKnownError("literal_error", {"expected": f"{listed} or {names[-1]!r}"})
    return value


def _number(value: object) -> object:
    """Take text for the number it spells: `-e engine_port=8001` arrives as text."""
    if isinstance(value, str):
        for kind in (int, float):
            try:
                return kind(value)
            except ValueError:
                continue
    return value


AbsolutePath = Annotated[str, AfterValidator(_absolute_path)]
OptionalPath = Annotated[str, AfterValidator(_optional_path)]
HttpUrl = Annotated[str, AfterValidator(_http_url)]
Network = Annotated[str, AfterValidator(_network)]
Repository = Annotated[str, AfterValidator(_repository)]
HostPort = Annotated[str, AfterValidator(_host_port)]
Registry = Annotated[str, AfterValidator(_registry)]
Prefix = Annotated[str, AfterValidator(_prefix)]
Email = Annotated[str, AfterValidator(_email)]
Name = Annotated[str, StringConstraints(min_length=1)]
Port = Annotated[int, Field(ge=1, le=65535), BeforeValidator(_number)]
OptionalPort = Annotated[int, Field(ge=0, le=65535), BeforeValidator(_number)]
Count = Annotated[int, Field(ge=0), BeforeValidator(_number)]
Share = Annotated[float, Field(gt=0, le=1), BeforeValidator(_number)]


@dataclass(frozen=True)
class Choices:
    """The values that a setting may have, where they are found and not written here."""

    of: Callable[[], Sequence[str]]


def choices(field: FieldInfo) -> tuple[str, ...]:
    """Return the values that a setting may have; none where every value of its type is allowed."""
    if get_origin(field.annotation) is Literal:
        return get_args(field.annotation)
    return next((tuple(item.of()) for item in field.metadata if isinstance(item, Choices)), ())


@dataclass(frozen=True)
class Unit:
    """What a number counts or measures."""

    name: str


Tokens = Annotated[Count, Unit("tokens")]
EngineName = Annotated[str, AfterValidator(_engine), Choices(engine_names)]


class Settings(BaseModel):
    """What a user sets for a cluster; empty strings and zeros leave the choice to the planner."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, strict=True, protected_namespaces=(), use_attribute_docstrings=True
    )

    model: Name = "deepseek-r1"
    """Model of the catalog, or the absolute path of a folder with weights."""
    checkpoint: Repository = ""
    """Hub repository id `owner/name`; empty: the planner's choice for the hardware."""
    model_revision: Name = "main"
    """Branch, tag or commit of the hub repository."""
    model_root: AbsolutePath = "/data/models"
    """Folder of the weights, the same on every node; they are stored in `<model_root>/<checkpoint>`."""
    hub_endpoint: HttpUrl = "https://huggingface.co"
    """Hub that weights are downloaded from, e.g. https://hf-mirror.com."""
    served_model_name: str = ""
    """Name that clients use; empty: the value of `model`."""

    engine: EngineName = "vllm"
    """Inference engine; `auto`: the planner's choice."""
    engine_version: str = ""
    """Version of the catalog, e.g. 0.17.1; empty: the newest that runs on the hardware."""
    engine_image: str = ""
    """Container image; empty: the catalog's for engine and accelerator."""
    engine_mode: str = ""
    """Fixed mode of a vendor: `long-context` or `mtp` of vllm_vacc."""
    executor: Literal["ray", "mp"] = "ray"
    """`ray`: vLLM on a Ray cluster; `mp`: the engine's own multi-node backend."""
    precision: Literal["", "fp32", "bf16", "fp16", "fp8", "int8", "int4"] = ""
    """Of the weights; empty: the planner's choice. int8 and int4 only where they are set here."""
    dtype: Literal["auto", "half", "float16", "bfloat16", "float", "float32"] = "auto"
    """Type of activations; `auto`: what the checkpoint and the hardware support."""
    kv_cache_dtype: Literal["auto", "bfloat16", "fp8", "fp8_e4m3", "fp8_e5m2"] = "auto"
    """Type of the KV cache; fp8 halves its size."""
    tensor_parallel_size: Count = 0
    """Ranks that share each layer."""
    pipeline_parallel_size: Count = 0
    """Stages that the layers are divided among."""
    data_parallel_size: Count = 0
    """Replicas of the attention of a model with experts, each with its own KV cache."""
    enable_expert_parallel: bool = False
    """Entire experts on a rank instead of a slice of each."""
    max_model_len: Tokens = 0
    """Longest prompt and answer together."""
    max_num_seqs: Count = 0
    """Sequences that are computed at once."""
    max_num_batched_tokens: Tokens = 0
    """Size of one forward pass."""
    num_speculative_tokens: Tokens = 0
    """Drafted ahead with the model's own prediction layer (MTP)."""
    enable_prefix_caching: bool = True
    """Keep the KV cache of what prompts begin with."""
    enable_auto_tool_choice: bool = False
    """Let the model call tools, where it was trained to (deepseek-r1-0528)."""
    enforce_eager: bool = False
    """No CUDA graphs: slower, but frees about 0.5 GiB a GPU."""
    gpu_memory_utilization: Share = 0.90
    """Share of each accelerator's memory."""
    engine_extra_args: list[str] = []
    """Appended to the engine's command line unchanged."""
    engine_extra_env: dict[str, str] = {}
    """Added to the engine's environment."""
    engine_port: OptionalPort = 0
    """Port of the API, on the head; 0: the engine's own (vLLM 8000, SGLang 30000, LMDeploy 23333)."""

    accelerator: str = ""
    """Accelerator of the catalog, e.g. A800-80G; empty: what the nodes report."""
    accelerators_per_node: Count = 0
    """Accelerators of each node; 0: what the nodes report."""
    cluster_network: Network = ""
    """Network of Ray, NCCL and Gloo in CIDR notation; empty: the one of `ansible_host`."""
    nccl_debug: Literal["", "VERSION", "WARN", "INFO", "TRACE"] = ""
    """NCCL's log level."""

    container_data_root: AbsolutePath = "/var/lib/docker"
    """Folder where Docker keeps images and containers."""
    image_pull: Literal["missing", "always"] = "missing"
    """`missing`: pull what a node lacks; `always`: request the registry's digest on every run."""
    image_mirrors: dict[Registry, Prefix] = {}
    """What replaces a registry, e.g. `{docker.io: docker.example.com, ghcr.io: "registry.site:5000"}`."""
    registry_mirrors: list[HttpUrl] = []
    """Mirrors of Docker Hub, e.g. https://mirror.example.com."""
    insecure_registries: list[HostPort] = []
    """`host:port` of registries without TLS, e.g. an air-gapped site's own."""

    offline_bundle: OptionalPath = ""
    """Folder on the controller, made by playbooks/bundle.yml: install from it, without any network."""

    ray_port: Port = 6379
    """Port of the head's GCS."""
    ray_dashboard_port: Port = 8265
    """Port of the dashboard, on 127.0.0.1 of the head."""

    webui_image: str = ""
    """Image `name:tag`; empty: Open WebUI's, or the one of the accelerators' vendor."""
    webui_port: Port = 3000
    """Port of the page, on the host of group webui."""
    webui_admin_email: Email = "admin@example.com"
    """Account of the first administrator."""
    webui_locale: Name = "en-US"
    """Language of the page, e.g. zh-CN."""

    engine_api_key: str = ""
    """Key that clients of the API send."""
    ray_auth_token: str = ""
    """Token that members of the Ray cluster send to each other."""
    webui_secret_key: str = ""
    """Signs Open WebUI's sessions."""
    webui_admin_password: str = ""
    """Password of `webui_admin_email`."""


class HostSettings(BaseModel):
    """What a user sets for one host, in hosts.yml or host_vars/."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)

    cluster_address: str = ""
    """IPv4 address on the cluster network, where that is not `ansible_host`."""
    cluster_interface: str = ""
    """Name of the interface, where the node cannot be reached while planning or has several."""
    cluster_rdma: str = ""
    """RDMA ports, where others than the planner's choice are wanted: `mlx5_0:1,mlx5_1:1`, or `none` for TCP."""


SECRETS = ("engine_api_key", "ray_auth_token", "webui_secret_key", "webui_admin_password")
"""Keys whose value must never be shown, not even in a refusal."""

HOST_KEYS = tuple(HostSettings.model_fields)
"""Keys set for one host."""

SECTIONS = {
    "What is served": "model",
    "How it is served (empty or 0: the planner decides)": "engine",
    "Hardware": "accelerator",
    "Containers and images": "container_data_root",
    "Ray cluster": "ray_port",
    "Open WebUI": "webui_image",
    "Secrets (empty: generated once into <inventory>/.secrets/, mode 0600, outside git)": "engine_api_key",
}
"""Headings of the generated files, with the first key of each."""
