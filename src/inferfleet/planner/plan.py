"""The plan: what runs where, with which command line and environment, and why."""

from dataclasses import asdict, dataclass, field, replace
from typing import Any

from inferfleet.engines import load_engines
from inferfleet.messages import N_, Message, Problem
from inferfleet.planner.layouts import Candidate
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
    """`all` where NVIDIA's container toolkit hands in the devices."""
    cap_add: tuple[str, ...] = ()
    ulimits: tuple[str, ...] = ()


@dataclass(frozen=True)
class NodePlan:
    """What one node runs. `argv` is empty on a node that only lends its accelerators to Ray."""

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
    """RDMA ports that its ranks talk through, in NCCL's spelling (`mlx5_0:1`); empty over TCP."""
    link_gbps: float = 0
    """Rate of those ports, or else of the interface, in Gbit/s; 0 where it is not known."""


@dataclass(frozen=True)
class Plan:
    """How the cluster serves its model; `problems` is empty when it can."""

    engine: str
    executor: str
    model: str
    service: str = ""
    """Name of the service, where the inventory has several."""
    protocol: str = "openai"
    """What clients speak to it: openai, or none where it is a prompt on a terminal and no service."""
    launcher: str = ""
    """What the head starts the other nodes' ranks with: mpi, or empty where each node starts its own."""
    engine_version: str = ""
    image: str = ""
    checkpoint: str = ""
    checkpoint_modelscope: str = ""
    """The checkpoint's id on ModelScope; empty where it is not published there."""
    checkpoint_is_local: bool = False
    """Whether `model` is a folder of the user's, which nothing brings or removes."""
    checkpoint_bytes: int = 0
    """Of all files, what each node's disk must hold."""
    precision: str = ""
    dtype: str = ""
    model_path: str = ""
    served_model_name: str = ""
    port: int = 0
    accelerator: str = ""
    vendor: str = ""
    """Of the accelerator: nvidia, amd, ascend, vastai or cpu."""
    min_driver: str = ""
    """Oldest driver that the image runs on; empty where the catalog names none."""
    accelerators: int = 0
    transport: str = ""
    """What NCCL talks over between nodes: rdma or tcp; empty where that is not known or there is one node."""
    tensor_parallel_size: int = 0
    pipeline_parallel_size: int = 0
    data_parallel_size: int = 1
    expert_parallel_size: int = 1
    max_model_len: int = 0
    max_num_seqs: int = 0
    gpu_memory_utilization: float = 0.0
    kv_cache_dtype: str = "auto"
    api_key_env: str = ""
    """Environment variable that the head's `argv` or the engine takes the clients' key from; empty: it takes none."""
    takes_api_key: bool = False
    """Whether clients must show a key."""
    api_path: str = "/v1"
    """Path of the OpenAI-compatible API."""
    webui_image: str = ""
    """Image of the web UI: the user's, the vendor's own, or Open WebUI's."""
    rank_processes: str = ""
    """Regular expression of the titles of the processes that hold a rank; empty: the engine gives them none."""
    reasoning_parser: str = ""
    """The engine's parser that divides reasoning from the answer; empty: none does."""
    trust_remote_code: bool = False
    """Whether the engine runs Python code of the checkpoint."""
    budget: Budget | None = None
    container: ContainerPlan = field(default_factory=ContainerPlan)
    nodes: dict[str, NodePlan] = field(default_factory=dict)
    reasons: list[Message] = field(default_factory=list)
    warnings: list[Message] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    alternatives: list[Candidate] = field(default_factory=list)
    """Every layout that divides the model, ranked; the plan's own first."""

    @property
    def works(self) -> bool:
        """Whether nothing speaks against it."""
        return not self.problems

    @property
    def head(self) -> str:
        """Name of the node that answers clients; empty where there is none."""
        return next((name for name, node in self.nodes.items() if node.role == "head"), "")

    @property
    def role(self) -> str:
        """Ansible role that runs the engine; empty where none was chosen."""
        engine = load_engines().get(self.engine)
        return engine.role if engine else ""

    @property
    def secrets(self) -> tuple[str, ...]:
        """Generated secrets that this role needs."""
        engine = load_engines().get(self.engine)
        return engine.secrets if engine else ()

    @property
    def api_url(self) -> str:
        """Scheme, address and port of the API, without `api_path`; empty where there is no head."""
        return f"http://{self.nodes[self.head].address}:{self.port}" if self.head else ""

    def of_service(self, name: str) -> "Plan":
        """Return it as the plan of the service `name`, which its problems then say; empty: the only one."""
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
        form |= {"head": self.head, "api_url": self.api_url, "role": self.role, "secrets": list(self.secrets)}
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
                "tensor_parallel_size": c.layout.tensor_parallel_size,
                "pipeline_parallel_size": c.layout.pipeline_parallel_size,
                "data_parallel_size": c.layout.data_parallel_size,
                "fits": c.fits,
                "reason": c.reason.as_dict(),
                "budget": c.budget.as_dict() if c.budget else None,
            }
            for c in self.alternatives
        ]
