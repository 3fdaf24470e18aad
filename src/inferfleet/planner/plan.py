"""The plan: what runs on each node, with which command line and environment, and the reasons."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from inferfleet.engines import load_engines
from inferfleet.messages import N_, Message, Problem
from inferfleet.planner.layouts import Candidate
from inferfleet.planner.load_time import LOAD_BYTES_PER_SECOND, load_seconds
from inferfleet.planner.memory import Budget


@dataclass(frozen=True)
class ContainerPlan:
    """Options of the engine's container on every node."""

    privileged: bool = False
    shm_size: str = ""
    """As `docker run --shm-size` takes it; empty: the host's, through `ipc_mode`."""
    ipc_mode: str = "host"
    network_mode: str = "host"
    gpus: str = ""
    """`all` if the NVIDIA Container Toolkit provides the devices."""
    cap_add: tuple[str, ...] = ()
    ulimits: tuple[str, ...] = ()


@dataclass(frozen=True)
class NodePlan:
    """What one node runs. `argv` is empty on a node that only provides accelerators to Ray."""

    role: str
    rank: int
    address: str
    interface: str
    argv: list[str]
    env: dict[str, str]
    ray_argv: list[str] = field(default_factory=list)
    devices: list[str] = field(default_factory=list)
    mounts: list[str] = field(default_factory=list)
    rdma: list[str] = field(default_factory=list)
    """RDMA ports that its ranks use, in NCCL's spelling (`mlx5_0:1`); empty over TCP."""
    link_gbps: float = 0
    """Rate of these ports, or else of the interface, in Gbit/s; 0 if not known."""


@dataclass(frozen=True)
class Plan:
    """How the cluster serves its model; `problems` is empty when it can."""

    engine: str
    executor: str
    model: str
    profile: str = "balanced"
    """What the service is tuned for."""
    service: str = ""
    """Name of the service, as in its group; empty where the inventory has no such group."""
    replica: int = 0
    """Number of the replica, from 1; 0 where the service has only one."""
    replicas: int = 1
    """Replicas of the service."""
    protocol: str = "openai"
    """Protocol for clients: openai, or none for an interactive prompt on a terminal."""
    launcher: str = ""
    """How the head starts the ranks of the other nodes: mpi, or empty if each node starts its own."""
    engine_version: str = ""
    image: str = ""
    checkpoint: str = ""
    checkpoint_modelscope: str = ""
    checkpoint_hub: str = "huggingface"
    """The checkpoint's id on ModelScope; empty if it is not published there."""
    checkpoint_is_local: bool = False
    """Whether `model` is a folder provided by the user, which is neither downloaded nor removed."""
    checkpoint_bytes: int = 0
    """Size of all files, which each node's disk must hold."""
    load_bytes: int = 0
    """What the engine reads of them on the node with the largest pipeline stages."""
    precision: str = ""
    dtype: str = ""
    model_path: str = ""
    served_model_name: str = ""
    port: int = 0
    accelerator: str = ""
    vendor: str = ""
    """Of the accelerator: nvidia, amd, ascend, vastai or cpu."""
    min_driver: str = ""
    """Oldest driver that runs the image's CUDA without forward compatibility; empty if the catalog names none."""
    accelerators: int = 0
    transport: str = ""
    """Transport of NCCL between nodes: rdma or tcp; empty if not known or with a single node."""
    tensor_parallel_size: int = 0
    pipeline_parallel_size: int = 0
    data_parallel_size: int = 1
    decode_context_parallel_size: int = 1
    expert_parallel_size: int = 1
    max_model_len: int = 0
    max_num_seqs: int = 0
    gpu_memory_utilization: float = 0.0
    kv_cache_dtype: str = "auto"
    api_key_env: str = ""
    """Environment variable with the API key, read by the head's `argv` or the engine; empty: the engine uses none."""
    takes_api_key: bool = False
    """Whether clients must send a key."""
    api_path: str = "/v1"
    """Path of the OpenAI-compatible API."""
    webui_image: str = ""
    """Image of the web UI: the configured one, the vendor's, or Open WebUI's."""
    dcgm_image: str = ""
    """Image of the exporter of GPU metrics; empty: not set, or no NVIDIA GPUs."""
    rank_processes: str = ""
    """Regular expression for the titles of the rank processes; empty: the engine sets no titles."""
    supervised: bool = False
    """Whether the supervisor restarts the replica as a group; otherwise Docker restarts its containers."""
    hang_seconds: int = 0
    """Longest time without progress while requests run, after which the supervisor restarts the replica; 0: none."""
    reasoning_parser: str = ""
    """The engine's parser that separates reasoning from the answer; empty: none."""
    trust_remote_code: bool = False
    """Whether the engine runs Python code from the checkpoint."""
    budget: Budget | None = None
    container: ContainerPlan = field(default_factory=ContainerPlan)
    nodes: dict[str, NodePlan] = field(default_factory=dict)
    reasons: list[Message] = field(default_factory=list)
    warnings: list[Message] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    alternatives: list[Candidate] = field(default_factory=list)
    """All layouts that divide the model, ranked; the chosen one first."""

    @property
    def works(self) -> bool:
        """Whether there is no problem."""
        return not self.problems

    @property
    def name(self) -> str:
        """Name of this replica of the service among all plans of the inventory; empty for the only one."""
        number = str(self.replica) if self.replica else ""
        return "-".join(filter(None, (self.service or ("replica" if number else ""), number)))

    @property
    def head(self) -> str:
        """Name of the node that serves the API; empty if there is none."""
        return next((name for name, node in self.nodes.items() if node.role == "head"), "")

    @property
    def role(self) -> str:
        """Ansible role that runs the engine; empty if no engine was selected."""
        engine = load_engines().get(self.engine)
        return engine.role if engine else ""

    @property
    def secrets(self) -> tuple[str, ...]:
        """Generated secrets that this role needs."""
        engine = load_engines().get(self.engine)
        return engine.secrets if engine else ()

    @property
    def api_url(self) -> str:
        """Scheme, address and port of the API, without `api_path`; empty if there is no head."""
        return f"http://{self.nodes[self.head].address}:{self.port}" if self.head else ""

    @property
    def load_seconds(self) -> int:
        """Seconds to read the weights from a node's disk at LOAD_BYTES_PER_SECOND."""
        return load_seconds(self.load_bytes)

    def of_service(self, name: str) -> "Plan":
        """Return the plan with the service `name`, also in its problems and warnings; empty: the only service."""
        if not name:
            return self
        problems = [problem.of(N_("Service {service}: {problem}"), service=name) for problem in self.problems]
        warnings = [
            Message(warning.code, N_("Service {service}: {problem}"), service=name, problem=warning)
            for warning in self.warnings
        ]
        return replace(self, service=name, problems=problems, warnings=warnings)

    def as_dict(self) -> dict[str, Any]:
        """Return the JSON form; without `alternatives`, which `plan --all` adds."""
        form = {key: value for key, value in vars(self).items() if key != "alternatives"}
        form |= {
            "name": self.name,
            "head": self.head,
            "api_url": self.api_url,
            "role": self.role,
            "secrets": list(self.secrets),
            "load_seconds": self.load_seconds,
            "load_bytes_per_second": LOAD_BYTES_PER_SECOND,
        }
        form["budget"] = self.budget.as_dict() if self.budget else None
        form["container"] = asdict(self.container)
        form["nodes"] = {name: asdict(node) for name, node in self.nodes.items()}
        for key in ("reasons", "warnings", "problems"):
            form[key] = [message.as_dict() for message in form[key]]
        return form

    def alternatives_as_dicts(self) -> list[dict[str, Any]]:
        """Return the JSON form of `alternatives`."""
        return [
            {
                "replicas": c.replicas,
                "tensor_parallel_size": c.layout.tensor_parallel_size,
                "pipeline_parallel_size": c.layout.pipeline_parallel_size,
                "data_parallel_size": c.layout.data_parallel_size,
                "decode_context_parallel_size": c.layout.decode_context_parallel_size,
                "fits": c.fits,
                "reason": c.reason.as_dict(),
                "budget": c.budget.as_dict() if c.budget else None,
            }
            for c in self.alternatives
        ]


def plan_name(form: Mapping[str, Any]) -> str:
    """Return the name of a plan in its JSON form; that of its service for a plan that an older version recorded."""
    return str(form.get("name", form.get("service")) or "")
