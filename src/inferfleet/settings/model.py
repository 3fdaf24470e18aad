"""Typed model of all settings: the single source of what a user can set.

`make references` writes `group_vars/all/main.yml` and docs/settings.md from it (a test compares them).
"""

import ipaddress
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Annotated, Literal, NotRequired, get_args, get_origin
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, with_config
from pydantic.fields import FieldInfo
from pydantic_core import PydanticKnownError
from typing_extensions import TypedDict  # pydantic requires this one before Python 3.12

from inferfleet.engines import load_engines
from inferfleet.messages import N_, Message


class UnfitValueError(ValueError):
    """A value that has the right type but is invalid for a setting.

    `reason` continues "is VALUE, which"; `remedy` is imperative. Both are templates with the fields `parameters`.
    """

    def __init__(self, reason: str, remedy: str, **parameters: int) -> None:
        super().__init__(reason)
        self.reason, self.remedy = Message("", reason, **parameters), Message("", remedy, **parameters)


_SYSTEM_FOLDERS = ("", "home", "root", "tmp", "usr", "var")  # folders below them may hold data
_SYSTEM_TREES = ("bin", "boot", "dev", "etc", "lib", "lib32", "lib64", "proc", "run", "sbin", "sys")
# Grammar of image references: github.com/distribution/reference, regexp.go. The registered digest algorithms with their
# lengths: OCI image specification, descriptor.md.
_DOMAIN = r"(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])"
_HOST = rf"(?:{_DOMAIN}(?:\.{_DOMAIN})*|\[[a-fA-F0-9:]+\])(?::(?P<port>[0-9]{{1,5}}))?"
_PATH = r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*"
_TAG = r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}"
_DIGEST = r"(?:sha256:[a-f0-9]{64}|sha512:[a-f0-9]{128})"
_REGISTRY = re.compile(_HOST)
_PREFIX = re.compile(rf"{_HOST}(?:/{_PATH})*")
_IMAGE = re.compile(rf"(?:{_HOST}/)?{_PATH}(?:/{_PATH})*(?::{_TAG})?(?:@{_DIGEST})?")
_MAX_PORT = 65535
_MIN_CONTEXT = 512  # tokens; half of it is for the answer with which roles/verify checks a service


def _matches(pattern: re.Pattern[str], value: str) -> bool:
    """Return whether a value is valid in the grammar of image references, with a valid port if it has one."""
    found = pattern.fullmatch(value)
    return found is not None and 0 < int(found["port"] or 1) <= _MAX_PORT


def _absolute_path(value: str) -> str:
    path = PurePosixPath(value)
    if not path.is_absolute() or ".." in path.parts:
        raise UnfitValueError(
            N_("is not an absolute path"), N_("write a path that starts with /, for example /data/models")
        )
    if not value.isprintable():
        raise UnfitValueError(N_("contains a line break or another control character"), N_("write it on one line"))
    if ":" in value:
        raise UnfitValueError(
            N_("contains a colon"), N_("choose a path without colons, which Docker uses as separators in mounts")
        )
    return value


def data_path(value: str) -> str:
    """Return the path of a folder for data on the nodes; raises UnfitValueError."""
    _, *parts = PurePosixPath(_absolute_path(value)).parts
    shared_memory = parts[:2] == ["dev", "shm"] and len(parts) > 2
    if "/".join(parts) in _SYSTEM_FOLDERS or (parts[0] in _SYSTEM_TREES and not shared_memory):
        raise UnfitValueError(
            N_("belongs to the operating system"), N_("choose a folder for data, for example /data/models")
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


def _proxy(value: str) -> str:
    try:
        return _http_url(value) if value else value
    except UnfitValueError:
        raise UnfitValueError(
            N_("is not the URL of an HTTP proxy"), N_("write it like http://proxy.example.com:3128")
        ) from None


def _word(value: str) -> str:
    if value.startswith("-") or any(c.isspace() or not c.isprintable() for c in value):
        raise UnfitValueError(
            N_("contains whitespace or starts with a hyphen"), N_("write one word, like deepseek-r1 or main")
        )
    return value


def _direct_host(value: str) -> str:
    if not re.fullmatch(r"[^\s,/]+(?:/\d+)?", value):
        raise UnfitValueError(
            N_("is not a host, a domain or a network"), N_("write each one as an item of the list, without a scheme")
        )
    return value


def _locale(value: str) -> str:
    if not re.fullmatch(r"[a-z]{2,3}(?:-[A-Za-z0-9]+)*", value):
        raise UnfitValueError(N_("is not a language tag"), N_("write it like en-US or zh-CN"))
    return value


def _interface(value: str) -> str:
    if value and not re.fullmatch(r"[^\s/:]{1,15}", value):  # linux/if.h: IFNAMSIZ
        raise UnfitValueError(N_("is not the name of a network interface"), N_("write it like eth0 or bond0"))
    return value


def _rdma_ports(value: str) -> str:
    if value and not re.fullmatch(r"[\w.-]+(?::\d+)?(?:, *[\w.-]+(?::\d+)?)*", value):
        raise UnfitValueError(
            N_("is not a list of RDMA ports"), N_("write it like mlx5_0:1,mlx5_1:1, or none to use TCP")
        )
    return value


def _network(value: str) -> str:
    if value:
        try:
            ipaddress.IPv4Network(value)
            valid = "/" in value  # without a prefix length it would be a single address
        except ValueError:
            valid = False
        if not valid:
            raise UnfitValueError(
                N_("is not an IPv4 network"), N_("write its first address and prefix length, for example 10.0.0.0/24")
            )
    return value


def _source_network(value: str) -> str:
    try:
        ipaddress.ip_network(value)
    except ValueError:
        raise UnfitValueError(
            N_("is neither an address nor a network"),
            N_("write it like 10.1.2.3, 10.1.0.0/16 or 2001:db8::/64, without bits after the prefix"),
        ) from None
    return value


def _repository(value: str) -> str:
    if value and not re.fullmatch(r"\w[\w.-]*/\w[\w.-]*", value):  # no `..`: it becomes a path below model_root
        raise UnfitValueError(
            N_("is not a hub repository id"), N_("write it as owner/name, for example deepseek-ai/DeepSeek-R1")
        )
    return value


def _host_port(value: str) -> str:
    if not _matches(_REGISTRY, value):
        raise UnfitValueError(
            N_("is not host:port"), N_("write it without a scheme, for example registry.example.com:5000")
        )
    return value


def _registry(value: str) -> str:
    if not _matches(_REGISTRY, value):
        raise UnfitValueError(N_("is not the name of a registry"), N_("write it like docker.io or quay.io"))
    return value


def _prefix(value: str) -> str:
    if not _matches(_PREFIX, value):
        raise UnfitValueError(
            N_("is not a registry with an optional path"),
            N_("write it without a scheme, like registry.example.com:5000/hub"),
        )
    return value


def _image(value: str) -> str:
    if value and not _matches(_IMAGE, value):
        raise UnfitValueError(
            N_("is not an image reference"),
            N_("write it without a scheme and with a lower-case name, like registry.example.com:5000/vllm:v1"),
        )
    return value


def _variable_name(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", value):
        raise UnfitValueError(
            N_("is not the name of an environment variable"),
            N_("use letters, digits and underscores, and no digit at the start"),
        )
    return value


def _email(value: str) -> str:
    if not re.fullmatch(r"[^@\s]+@[^@\s]+", value):
        raise UnfitValueError(N_("is not an e-mail address"), N_("write one like admin@example.com"))
    return value


def _client_name(value: str) -> str:
    if not re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,39}", value):  # also the name of a file, and a key of HAProxy's tables
        raise UnfitValueError(
            N_("is not the name of a client"),
            N_("use up to 40 lower-case letters, digits, hyphens and underscores, for example chat-app"),
        )
    return value


def _client_key(value: str) -> str:
    if value and not re.fullmatch(r"[A-Za-z0-9._~+/=-]{16,200}", value):  # RFC 6750, 2.1: b64token
        raise UnfitValueError(
            N_("is not a key of 16 to 200 letters, digits and the characters . _ ~ + / = -"),
            N_("choose such a key, or leave it empty to generate one"),
        )
    return value


def _clients(value: "list[ApiClient]") -> "list[ApiClient]":
    names = [client["name"] for client in value]
    keys = [client["key"] for client in value if client.get("key")]
    if not names:
        raise UnfitValueError(N_("names no client"), N_("list at least one client with its name"))
    if len({*names}) < len(names):
        raise UnfitValueError(N_("names a client twice"), N_("give each client a different name"))
    if len({*keys}) < len(keys):
        raise UnfitValueError(N_("gives two clients the same key"), N_("give each client its own key"))
    return value


def _context_length(value: int) -> int:
    if 0 < value < _MIN_CONTEXT:
        raise UnfitValueError(
            N_("is too short for a question and its answer"),
            N_("set at least {least} tokens, or 0 for the longest context that fits"),
            least=_MIN_CONTEXT,
        )
    return value


def engine_names() -> list[str]:
    """Return the values of `engine`: `auto`, and the discovered engines in order of preference."""
    return ["auto", *load_engines()]


def _engine(value: str) -> str:
    names = engine_names()
    if value not in names:
        listed = ", ".join(map(repr, names[:-1]))
        raise PydanticKnownError("literal_error", {"expected": f"{listed} or {names[-1]!r}"})
    return value


def _number(value: object) -> object:
    """Convert text to a number: `-e engine_port=8001` is passed as text."""
    if isinstance(value, str):
        for kind in (int, float):
            try:
                return kind(value)
            except ValueError:
                continue
    return value


def _boolean(value: object) -> object:
    """Convert text to true or false: `-e enforce_eager=true` is passed as text."""
    return {"true": True, "false": False}.get(value.lower(), value) if isinstance(value, str) else value


DataPath = Annotated[str, AfterValidator(data_path)]
OptionalPath = Annotated[str, AfterValidator(_optional_path)]
HttpUrl = Annotated[str, AfterValidator(_http_url)]
ProxyUrl = Annotated[str, AfterValidator(_proxy)]
DirectHost = Annotated[str, AfterValidator(_direct_host)]
Interface = Annotated[str, AfterValidator(_interface)]
RdmaPorts = Annotated[str, AfterValidator(_rdma_ports)]
Network = Annotated[str, AfterValidator(_network)]
SourceNetwork = Annotated[str, AfterValidator(_source_network)]
Repository = Annotated[str, AfterValidator(_repository)]
HostPort = Annotated[str, AfterValidator(_host_port)]
Registry = Annotated[str, AfterValidator(_registry)]
Prefix = Annotated[str, AfterValidator(_prefix)]
Image = Annotated[str, AfterValidator(_image)]
VariableName = Annotated[str, AfterValidator(_variable_name)]
Email = Annotated[str, AfterValidator(_email)]
Name = Annotated[str, StringConstraints(min_length=1)]
OptionalWord = Annotated[str, AfterValidator(_word)]
Word = Annotated[Name, AfterValidator(_word)]
Locale = Annotated[Name, AfterValidator(_locale)]
Port = Annotated[int, Field(ge=1, le=65535), BeforeValidator(_number)]
OptionalPort = Annotated[int, Field(ge=0, le=65535), BeforeValidator(_number)]
Count = Annotated[int, Field(ge=0), BeforeValidator(_number)]
Switch = Annotated[bool, BeforeValidator(_boolean)]
Share = Annotated[float, Field(gt=0, le=1), BeforeValidator(_number)]


@dataclass(frozen=True)
class Choices:
    """The values of a setting that are discovered at runtime."""

    of: Callable[[], Sequence[str]]


def choices(field: FieldInfo) -> tuple[str, ...]:
    """Return the allowed values of a setting; empty if every value of its type is allowed."""
    if get_origin(field.annotation) is Literal:
        return get_args(field.annotation)
    return next((tuple(item.of()) for item in field.metadata if isinstance(item, Choices)), ())


@dataclass(frozen=True)
class Unit:
    """Unit of a number."""

    name: str


Tokens = Annotated[Count, Unit("tokens")]
DraftTokens = Annotated[int, Field(ge=-1), BeforeValidator(_number), Unit("tokens")]
ContextLength = Annotated[Tokens, AfterValidator(_context_length)]
Bytes = Annotated[Count, Unit("bytes")]
# HAProxy holds a request in one buffer (tune.bufsize), at most 2 GiB; less than a prompt is of no use.
BodyBytes = Annotated[int, Field(ge=65536, le=1073741824), BeforeValidator(_number), Unit("bytes")]
EngineName = Annotated[str, AfterValidator(_engine), Choices(engine_names)]


@with_config(ConfigDict(extra="forbid", strict=True))
class ApiClient(TypedDict):
    """A client of the gateway."""

    name: Annotated[str, AfterValidator(_client_name)]
    models: NotRequired[list[Word]]
    requests_per_minute: NotRequired[Count]
    max_concurrent: NotRequired[Count]
    key: NotRequired[Annotated[str, AfterValidator(_client_key)]]


ApiClients = Annotated[list[ApiClient], AfterValidator(_clients)]


class Settings(BaseModel):
    """Settings of a cluster; for empty strings and zeros the planner chooses."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, strict=True, protected_namespaces=(), use_attribute_docstrings=True
    )

    model: Name = "deepseek-r1"
    """Model in the catalog, or the absolute path of a folder with weights."""
    checkpoint: Repository = ""
    """Hub repository id `owner/name`; empty: chosen by the planner for the hardware."""
    model_revision: Word = "main"
    """Branch, tag or commit of the hub repository."""
    model_root: DataPath = "/data/models"
    """Folder for weights, the same on every node; they are stored in `<model_root>/<checkpoint>`."""
    hub_endpoint: HttpUrl = "https://huggingface.co"
    """Hub that weights are downloaded from, e.g. https://hf-mirror.com."""
    served_model_name: OptionalWord = ""
    """Name that clients use; empty: the value of `model`."""

    engine: EngineName = "vllm"
    """Inference engine; `auto`: chosen by the planner."""
    engine_version: str = ""
    """Engine version in the catalog, e.g. 0.17.1; empty: the newest that supports the hardware."""
    engine_image: Image = ""
    """Container image; empty: the image in the catalog for engine and accelerator."""
    engine_mode: str = ""
    """Fixed mode defined by a vendor: `long-context` or `mtp` of vllm_vacc."""
    executor: Literal["auto", "mp", "ray"] = "auto"
    """`mp`: the engine's built-in multi-node backend; `ray`: vLLM on a Ray cluster; `auto`: `mp` where possible."""
    profile: Literal["balanced", "latency", "throughput", "long-context"] = "balanced"
    """What the service is tuned for; settings of your own override each of its choices."""
    precision: Literal["", "fp32", "bf16", "fp16", "fp8", "int8", "int4", "mxfp4", "nvfp4"] = ""
    """Precision of the weights; empty: chosen by the planner, without int8, int4 and nvfp4."""
    dtype: Literal["auto", "half", "float16", "bfloat16", "float", "float32"] = "auto"
    """Data type of activations; `auto`: the one that checkpoint and hardware support."""
    kv_cache_dtype: Literal["auto", "bfloat16", "fp8", "fp8_e4m3", "fp8_e5m2"] = "auto"
    """Data type of the KV cache; fp8 halves its size."""
    kv_bytes_per_token: Bytes = 0
    """KV cache of a token on each rank, without pipeline stages; only for architectures unknown to the planner."""
    replicas: Count = 0
    """Independent copies of the model, each with its own nodes, head node and API; 0: chosen by the planner."""
    tensor_parallel_size: Count = 0
    """Ranks that share each layer; 0: chosen by the planner."""
    pipeline_parallel_size: Count = 0
    """Pipeline stages that the layers are divided into; 0: chosen by the planner."""
    data_parallel_size: Count = 0
    """Replicas of the attention layers of a mixture-of-experts model, each with its own KV cache; 0: by `profile`."""
    decode_context_parallel_size: Count = 0
    """Ranks that divide the KV cache of a sequence instead of copying it; 0: by `profile`, 1: none."""
    enable_expert_parallel: Switch = False
    """Distribute complete experts over the ranks instead of a slice of each expert."""
    max_model_len: ContextLength = 0
    """Maximum length of prompt and answer together."""
    max_num_seqs: Count = 0
    """Maximum number of sequences processed at once."""
    max_num_batched_tokens: Tokens = 0
    """Maximum number of tokens in one forward pass."""
    num_speculative_tokens: DraftTokens = -1
    """Tokens drafted per step with the model's multi-token-prediction (MTP) layer; -1: by `profile`, 0: none."""
    enable_prefix_caching: Switch = True
    """Reuse the KV cache of common prompt prefixes."""
    enable_auto_tool_choice: Switch = False
    """Enable tool calls, for models trained for them (deepseek-r1-0528)."""
    enforce_eager: Switch = False
    """Disable CUDA graphs: slower, but frees about 0.5 GiB per GPU."""
    performance_mode: Literal["", "balanced", "interactivity", "throughput"] = ""
    """vLLM's mode: `interactivity` has more CUDA graphs, `throughput` larger batches; empty: by `profile`."""
    gpu_memory_utilization: Share = 0.90
    """Share of each accelerator's memory that the engine may use."""
    engine_extra_args: list[str] = []
    """Appended to the engine's command line unchanged."""
    engine_extra_env: dict[VariableName, str] = {}
    """Added to the engine's environment."""
    engine_port: OptionalPort = 0
    """Port of the API on the head node; 0: the engine's default (vLLM 8000, SGLang 30000, LMDeploy 23333)."""

    accelerator: str = ""
    """Accelerator in the catalog, e.g. A800-80G; empty: as reported by the nodes."""
    accelerators_per_node: Count = 0
    """Accelerators per node; 0: as reported by the nodes."""
    cluster_network: Network = ""
    """Network for Ray, NCCL and Gloo in CIDR notation; empty: the network of `ansible_host`."""
    nccl_debug: Literal["", "VERSION", "WARN", "INFO", "TRACE"] = ""
    """NCCL's log level."""

    container_data_root: DataPath = "/var/lib/docker"
    """Folder in which Docker stores images and containers."""
    image_pull: Literal["missing", "always"] = "missing"
    """`missing`: pull images that a node lacks; `always`: compare with the registry's digest on every run."""
    image_mirrors: dict[Registry, Prefix] = {}
    """Replacement of registries, e.g. `{docker.io: docker.example.com, ghcr.io: "registry.site:5000"}`."""
    registry_mirrors: list[HttpUrl] = []
    """Mirrors of Docker Hub, e.g. https://mirror.example.com."""
    insecure_registries: list[HostPort] = []
    """`host:port` of registries without TLS, e.g. of an air-gapped site."""

    http_proxy: ProxyUrl = ""
    """Proxy for packages, keys, weights and image pulls of the nodes; never used for the cluster's own addresses."""
    https_proxy: ProxyUrl = ""
    """Proxy for HTTPS; empty: the value of `http_proxy`."""
    no_proxy: list[DirectHost] = []
    """Further hosts that need no proxy, e.g. a registry or mirror: `[registry.example.com, .corp.example]`."""

    offline_bundle: OptionalPath = ""
    """Folder on the controller, created by playbooks/bundle.yml: install from it without internet access."""

    ray_port: Port = 6379
    """Port of the GCS on the head node."""
    ray_dashboard_port: Port = 8265
    """Port of the dashboard on 127.0.0.1 of the head node."""

    node_firewall: Switch = True
    """Close the ports of inferfleet on the nodes to all hosts but those of the inventory, with a table of nftables."""
    firewall_allowed_networks: list[SourceNetwork] = []
    """Further addresses and networks that may reach these ports, e.g. of monitoring: `[10.9.0.5, 10.8.0.0/24]`."""

    webui_image: Image = ""
    """Image `name:tag`; empty: Open WebUI's, or the one of the accelerator vendor."""
    webui_port: Port = 3000
    """Port of Open WebUI on the host of group webui."""
    webui_admin_email: Email = "admin@example.com"
    """E-mail address of the first administrator."""
    webui_locale: Locale = "en-US"
    """Language of Open WebUI, e.g. zh-CN."""

    gateway_port: Port = 8443
    """HTTPS port of the API on the hosts of group gateway."""
    gateway_certificate: OptionalPath = ""
    """PEM file on the controller with the certificate and its chain; empty: issued by a CA of the inventory."""
    gateway_key: OptionalPath = ""
    """PEM file on the controller with the private key of `gateway_certificate`."""
    gateway_max_body_bytes: BodyBytes = 4194304
    """Largest request to the gateway: prompts, images and tools of one request."""
    api_clients: ApiClients = [ApiClient(name="default")]
    """Clients of the gateway: `name`, optionally `models`, `requests_per_minute`, `max_concurrent` and `key`."""

    engine_api_key: str = ""
    """Key that clients of the API send."""
    ray_auth_token: str = ""
    """Authentication token of the Ray cluster."""
    webui_secret_key: str = ""
    """Key that signs Open WebUI sessions."""
    webui_admin_password: str = ""
    """Password of `webui_admin_email`."""


class HostSettings(BaseModel):
    """Settings of one host, in hosts.yml or host_vars/."""

    model_config = ConfigDict(frozen=True, strict=True, use_attribute_docstrings=True)

    cluster_address: str = ""
    """IPv4 address on the cluster network, if it differs from `ansible_host`."""
    cluster_interface: Interface = ""
    """Cluster network interface, if the node is not reachable while planning or has several."""
    cluster_rdma: RdmaPorts = ""
    """RDMA ports that override the planner's choice: `mlx5_0:1,mlx5_1:1`, or `none` for TCP."""


MIN_SECRET_LENGTH = 8
"""Minimum characters of a secret that a user sets (NIST SP 800-63B, 5.1.1.1)."""

MAX_PASSWORD_BYTES = 72
"""Maximum bytes of a password: bcrypt, with which Open WebUI stores it, ignores or rejects more."""

SECRETS = ("engine_api_key", "ray_auth_token", "webui_secret_key", "webui_admin_password")
"""Settings whose value must never be shown, not even in an error message."""

WITH_SECRETS = ("api_clients",)
"""Settings whose value contains secrets."""

HOST_KEYS = tuple(HostSettings.model_fields)
"""Settings of one host."""

SECTIONS = {
    "Model": "model",
    "Inference engine (empty or 0: chosen by the planner)": "engine",
    "Hardware": "accelerator",
    "Containers and images": "container_data_root",
    "Ray cluster": "ray_port",
    "Node firewall": "node_firewall",
    "Open WebUI": "webui_image",
    "Gateway (hosts of group gateway)": "gateway_port",
    "Secrets (empty: generated once into <inventory>/.secrets/, mode 0600, outside git)": "engine_api_key",
}
"""Headings of the generated files, with the first setting of each section."""
