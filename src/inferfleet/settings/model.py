"""The contract's keys with their types: the one place that says what a user may set cluster-wide.

`group_vars/all/main.yml` shows the same keys with the same defaults (a test compares the two).
"""

import ipaddress
import re
from pathlib import PurePosixPath
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints
from pydantic_core import PydanticKnownError

from inferfleet.engines import load_engines


def _absolute_path(value: str) -> str:
    path = PurePosixPath(value)
    if not path.is_absolute() or ".." in path.parts:
        raise ValueError("is not an absolute path; write it from the root, for example /data/models")
    if ":" in value:
        raise ValueError("has a colon in it; choose a path without, since Docker separates a mount's parts with colons")
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
        raise ValueError("is not an http(s) URL without a trailing slash; write it like https://hf-mirror.com")
    return value


def _network(value: str) -> str:
    if value:
        try:
            ipaddress.IPv4Network(value)
        except ValueError:
            raise ValueError(
                "is not an IPv4 network; write its first address and prefix length, for example 10.0.0.0/24"
            ) from None
    return value


def _repository(value: str) -> str:
    if value and not re.fullmatch(r"\w[\w.-]*/\w[\w.-]*", value):  # no `..`: it becomes a path below model_root
        raise ValueError("is not a hub repository id; write it as owner/name, for example deepseek-ai/DeepSeek-R1")
    return value


def _host_port(value: str) -> str:
    if not re.fullmatch(r"[\w.-]+(:\d{1,5})?", value):
        raise ValueError("is not host:port; write it without a scheme, for example registry.example.com:5000")
    return value


def _registry(value: str) -> str:
    if not re.fullmatch(r"[\w-]+(\.[\w-]+)*(:\d{1,5})?", value):
        raise ValueError("is not the name of a registry; write it like docker.io or quay.io")
    return value


def _prefix(value: str) -> str:
    if not re.fullmatch(r"[\w.-]+(:\d{1,5})?(/[a-z0-9._-]+)*", value):
        raise ValueError(
            "is not a registry with an optional path; write it without a scheme, like registry.example.com:5000/hub"
        )
    return value


def _email(value: str) -> str:
    if not re.fullmatch(r"[^@\s]+@[^@\s]+", value):
        raise ValueError("is not an e-mail address; write one like admin@example.com")
    return value


def _engine(value: str) -> str:
    names = ["auto", *load_engines()]
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
EngineName = Annotated[str, AfterValidator(_engine)]
Share = Annotated[float, Field(gt=0, le=1), BeforeValidator(_number)]


class Settings(BaseModel):
    """What a user sets for a cluster; empty strings and zeros leave the choice to the planner."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, protected_namespaces=())

    model: Name = "deepseek-r1"
    checkpoint: Repository = ""
    model_revision: Name = "main"
    model_root: AbsolutePath = "/data/models"
    hub_endpoint: HttpUrl = "https://huggingface.co"
    served_model_name: str = ""

    engine: EngineName = "vllm"
    engine_version: str = ""
    engine_image: str = ""
    engine_mode: str = ""
    executor: Literal["ray", "mp"] = "ray"
    precision: Literal["", "fp32", "bf16", "fp16", "fp8", "int8", "int4"] = ""
    dtype: Literal["auto", "half", "float16", "bfloat16", "float", "float32"] = "auto"
    kv_cache_dtype: Literal["auto", "bfloat16", "fp8", "fp8_e4m3", "fp8_e5m2"] = "auto"
    tensor_parallel_size: Count = 0
    pipeline_parallel_size: Count = 0
    data_parallel_size: Count = 0
    enable_expert_parallel: bool = False
    max_model_len: Count = 0
    max_num_seqs: Count = 0
    max_num_batched_tokens: Count = 0
    num_speculative_tokens: Count = 0
    enable_prefix_caching: bool = True
    enable_auto_tool_choice: bool = False
    enforce_eager: bool = False
    gpu_memory_utilization: Share = 0.90
    engine_extra_args: list[str] = []
    engine_extra_env: dict[str, str] = {}
    engine_port: OptionalPort = 0

    accelerator: str = ""
    accelerators_per_node: Count = 0
    cluster_network: Network = ""
    nccl_debug: Literal["", "VERSION", "WARN", "INFO", "TRACE"] = ""

    container_data_root: AbsolutePath = "/var/lib/docker"
    image_pull: Literal["missing", "always"] = "missing"
    image_mirrors: dict[Registry, Prefix] = {}
    registry_mirrors: list[HttpUrl] = []
    insecure_registries: list[HostPort] = []

    offline_bundle: OptionalPath = ""

    ray_port: Port = 6379
    ray_dashboard_port: Port = 8265

    webui_image: str = ""
    webui_port: Port = 3000
    webui_admin_email: Email = "admin@example.com"
    webui_locale: Name = "en-US"

    engine_api_key: str = ""
    ray_auth_token: str = ""
    webui_secret_key: str = ""
    webui_admin_password: str = ""


SECRETS = ("engine_api_key", "ray_auth_token", "webui_secret_key", "webui_admin_password")
"""Keys whose value must never be shown, not even in a refusal."""

HOST_KEYS = ("cluster_address", "cluster_interface", "cluster_rdma")
"""Keys set for one host: its IPv4 address on the cluster network, where that is not ansible_host; the name of the
interface, where nodes cannot be asked or have several; and the RDMA ports, where others than the planner's choice are
wanted: `mlx5_0:1,mlx5_1:1`, or `none` to go over TCP."""
