"""How the ranks of a service share its model."""

from dataclasses import dataclass

from inferfleet.messages import N_, Message


@dataclass(frozen=True, slots=True)
class Layout:
    """How ranks share a model. World size is the product of the three sizes."""

    tensor_parallel_size: int = 1
    pipeline_parallel_size: int = 1
    data_parallel_size: int = 1  # replicas of all but the experts, which these divide as well
    expert_parallel: bool = False

    @property
    def ranks(self) -> int:
        """Number of accelerators the layout needs."""
        return self.tensor_parallel_size * self.pipeline_parallel_size * self.data_parallel_size

    @property
    def expert_ranks(self) -> int:
        """Number of ranks that share the experts of a layer: those of all replicas, as slices or whole experts."""
        return self.tensor_parallel_size * self.data_parallel_size

    @property
    def message(self) -> Message:
        """The sizes, for people."""
        sizes = [f"TP {self.tensor_parallel_size}", f"PP {self.pipeline_parallel_size}"]
        if self.data_parallel_size > 1:
            sizes.append(f"DP {self.data_parallel_size}")
        return Message("", N_("{sizes} with expert parallelism") if self.expert_parallel else "{sizes}", sizes=sizes)

    def __str__(self) -> str:
        return str(self.message)
