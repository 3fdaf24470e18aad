"""Typed model of all settings: the single source of what a user can set.

`make references` writes `group_vars/all/main.yml` and docs/en/settings.md from it (a test compares them).
"""

from typing import Literal

from pydantic import BaseModel, ConfigDict

from inferfleet.settings.clients import ApiClient, ApiClients
from inferfleet.settings.receivers import EmailReceivers, Robot
from inferfleet.settings.values import (
    BodyBytes,
    Bytes,
    ContextLength,
    Count,
    DataPath,
    Days,
    DirectHost,
    DraftTokens,
    Email,
    EngineName,
    Gibibytes,
    HostPort,
    HttpUrl,
    Image,
    Interface,
    Locale,
    ModelName,
    Name,
    Network,
    OptionalPath,
    OptionalPort,
    Port,
    Prefix,
    ProxyUrl,
    RdmaPorts,
    Registry,
    Repository,
    Revision,
    Seconds,
    Share,
    SourceNetwork,
    Switch,
    Tokens,
    VariableName,
    VirtualAddress,
)


class Settings(BaseModel):
    """Settings of a cluster; for empty strings and zeros the planner chooses."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, strict=True, protected_namespaces=(), use_attribute_docstrings=True
    )

    model: Name = "deepseek-r1"
    """Model in the catalog, or the absolute path of a folder with weights."""
    checkpoint: Repository = ""
    """Hub repository id `owner/name`; empty: chosen by the planner for the hardware."""
    model_revision: Revision = "main"
    """Branch, tag or commit of the hub repository."""
    model_root: DataPath = "/data/models"
    """Folder for weights, the same on every node; they are stored in `<model_root>/<checkpoint>`."""
    hub_endpoint: HttpUrl = "https://huggingface.co"
    """Hub that weights are downloaded from, e.g. https://hf-mirror.com."""
    served_model_name: ModelName = ""
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

    supervisor_enabled: Switch = True
    """Restart a replica as a group when a part of it fails or hangs; false: Docker restarts single containers."""
    supervisor_hang_seconds: Count = 0
    """Longest time without progress while requests run; 0: derived from the longest step of a prompt."""

    webui_image: Image = ""
    """Image `name:tag`; empty: Open WebUI's, or the one of the accelerator vendor."""
    webui_port: Port = 3000
    """HTTP port of Open WebUI on the host of group webui; for browsers only if gateway_enabled is false."""
    webui_admin_email: Email = "admin@example.com"
    """E-mail address of the first administrator."""
    webui_locale: Locale = "en-US"
    """Language of Open WebUI, e.g. zh-CN."""

    gateway_enabled: Switch = True
    """Whether clients use a gateway with TLS and keys; false: the API of the engines is open on their ports."""
    gateway_port: Port = 8443
    """HTTPS port of the API on the hosts of group gateway; without this group, on the first head node."""
    gateway_webui_port: Port = 8444
    """HTTPS port of Open WebUI on these hosts; 443 needs no port in the browser's address bar."""
    gateway_virtual_address: VirtualAddress = ""
    """Address with prefix length that one of several gateways holds, another one within seconds, e.g. 10.0.0.100/24."""
    gateway_certificate: OptionalPath = ""
    """PEM file on the controller with the certificate and its chain; empty: issued by a CA of the inventory."""
    gateway_key: OptionalPath = ""
    """PEM file on the controller with the private key of `gateway_certificate`."""
    gateway_max_body_bytes: BodyBytes = 4194304
    """Largest request to the gateway: prompts, images and tools of one request."""
    api_clients: ApiClients = [ApiClient(name="default")]
    """Clients of the gateway: `name`; optional `models`, `requests_per_minute`, `max_concurrent`, `expires`, `key`."""

    gateway_monitoring_port: Port = 8445
    """HTTPS port of Prometheus and Alertmanager on the hosts of group gateway, for the user `admin`."""
    monitoring_retention_days: Days = 15
    """Days that Prometheus stores metrics."""
    monitoring_retention_gib: Gibibytes = 10
    """GiB of disk that they take at most; the oldest are deleted first."""
    monitoring_language: Literal["en", "zh"] = "en"
    """Language of the alerts."""
    monitoring_dcgm_image: Image = ""
    """Image of NVIDIA's DCGM exporter for metrics and alerts of NVIDIA GPUs (docs/en/monitoring.md); empty: none."""
    monitoring_time_factor: Share = 1.0
    """Multiplies how long conditions last before they alert, and the windows of rates; less than 1 for tests."""
    monitoring_queue_seconds: Seconds = 30
    """Alert if a tenth of the requests waits longer for the engine; 0: no alert."""
    monitoring_ttft_seconds: Seconds = 0
    """Alert if the 95th percentile of the time to the first token is longer, e.g. twice the benchmark's; 0: none."""
    monitoring_tpot_seconds: Seconds = 0
    """Alert if the 95th percentile of the time per further token is longer; 0: no alert."""
    monitoring_webhooks: list[HttpUrl] = []
    """URLs that get alerts in Alertmanager's JSON."""
    monitoring_robots: list[Robot] = []
    """Chat robots that get alerts: `kind` (`wecom`, `dingtalk`, `feishu`), `url`, and `secret` if it signs."""
    monitoring_email: EmailReceivers = []
    """Mail that gets alerts: `to`, `sender`, `server` (`host:port`), `user` and `password`."""

    engine_api_key: str = ""
    """Key of the engines' API, which the gateway sends; its clients have keys of their own."""
    ray_auth_token: str = ""
    """Authentication token of the Ray cluster."""
    supervisor_token: str = ""
    """Key by which the supervisors of the nodes authenticate each other."""
    webui_secret_key: str = ""
    """Key that signs Open WebUI sessions."""
    webui_admin_password: str = ""
    """Password of `webui_admin_email`."""
    monitoring_admin_password: str = ""
    """Password of `admin` for Prometheus and Alertmanager behind the gateway."""


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

SECRETS = (
    "engine_api_key",
    "ray_auth_token",
    "supervisor_token",
    "webui_secret_key",
    "webui_admin_password",
    "monitoring_admin_password",
)
"""Settings whose value must never be shown, not even in an error message."""

WITH_SECRETS = ("api_clients", "monitoring_webhooks", "monitoring_robots", "monitoring_email")
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
    "Supervisor": "supervisor_enabled",
    "Open WebUI": "webui_image",
    "Gateway (hosts of group gateway; without this group, the first head node)": "gateway_enabled",
    "Monitoring (runs if group monitoring has a host)": "gateway_monitoring_port",
    "Secrets (empty: generated once into <inventory>/.secrets/, mode 0600, outside git)": "engine_api_key",
}
"""Headings of the generated files, with the first setting of each section."""
