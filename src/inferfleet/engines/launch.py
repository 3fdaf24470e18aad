"""Input of the command line builders."""

from dataclasses import dataclass

from inferfleet.engines.layout import Layout


@dataclass(frozen=True)
class Launch:
    """The decided configuration of one node; a builder converts it to the options of its engine."""

    model_path: str
    served_model_name: str
    layout: Layout
    executor: str
    nodes: int
    rank: int
    head: str
    per_node: int
    port: int
    dtype: str
    max_model_len: int
    max_num_seqs: int
    gpu_memory_utilization: float | None  # None: the accelerator has no memory of its own
    static_share: float | None = None  # share of weights and KV cache in the total memory; None: not known
    free_share: float | None = None  # share of the KV cache in the memory left by the weights; None: not known
    reasoning_parser: str = ""  # in the engine's spelling; empty: reasoning is not parsed
    kv_cache_dtype: str = "auto"
    quantization: str = ""  # value of --quantization; empty: the engine reads it from the checkpoint
    max_num_batched_tokens: int = 0  # 0: the engine's default
    num_speculative_tokens: int = 0
    mtp_method: str = "mtp"  # vLLM's name for drafts of the prediction layer
    enforce_eager: bool = False
    performance_mode: str = ""  # empty: the engine's default
    enable_prefix_caching: bool = True
    tool_call_parser: str = ""  # in the engine's spelling; empty: tools are not parsed
    chat_template: str = ""  # path in the image; empty: the model's own
    architecture: str = ""  # of the model, as its config.json names it
    trust_remote_code: bool = False  # whether to run Python code of the checkpoint
    flags: frozenset[str] = frozenset()  # flags listed in engine.yml that this version has
    api_key_env: str = ""  # environment variable with the API key; empty: the engine takes none
    ray_port: int = 6379
    network: str = ""  # CIDR of the cluster network; empty: not set
    addresses: tuple[str, ...] = ()  # of all nodes, in the order of their ranks
    extra: tuple[str, ...] = ()

    @property
    def is_head(self) -> bool:
        """Whether this node serves the API."""
        return self.rank == 0
