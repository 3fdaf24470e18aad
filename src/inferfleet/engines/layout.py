"""Distribution of a model over the ranks of a service."""

from dataclasses import dataclass

from inferfleet.messages import N_, Message


@dataclass(frozen=True, slots=True)
class Layout:
    """Parallel sizes; the world size is the product of the three."""

    tensor_parallel_size: int = 1
    pipeline_parallel_size: int = 1
    data_parallel_size: int = 1  # replicas of all weights except the experts, which are divided among the replicas
    expert_parallel: bool = False
    decode_context_parallel_size: int = 1  # ranks of a tensor-parallel group that divide the KV cache of a sequence

    @property
    def ranks(self) -> int:
        """Number of accelerators the layout needs."""
        return self.tensor_parallel_size * self.pipeline_parallel_size * self.data_parallel_size

    @property
    def expert_ranks(self) -> int:
        """Number of ranks that share the experts of a layer: those of all replicas, as slices or complete experts."""
        return self.tensor_parallel_size * self.data_parallel_size

    @property
    def message(self) -> Message:
        """The sizes, for display."""
        sizes = [f"TP {self.tensor_parallel_size}", f"PP {self.pipeline_parallel_size}"]
        if self.data_parallel_size > 1:
            sizes.append(f"DP {self.data_parallel_size}")
        if self.decode_context_parallel_size > 1:
            sizes.append(f"DCP {self.decode_context_parallel_size}")
        return Message("", N_("{sizes} with expert parallelism") if self.expert_parallel else "{sizes}", sizes=sizes)

    def __str__(self) -> str:
        return str(self.message)
