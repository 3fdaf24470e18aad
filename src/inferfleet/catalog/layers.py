"""Types of a model's decoder layers."""

from dataclasses import dataclass
from typing import Literal

LayerType = Literal[
    "full_attention",
    "sliding_attention",
    "chunked_attention",
    "linear_attention",
    "parallel_attention",
    "compressed_sparse_attention",
    "heavily_compressed_attention",
    "feed_forward",
    "experts",
]
"""Attention of a layer, as `layer_types` of a `config.json` names it.

To all tokens (also latent attention), to a window of the latest tokens, to those of the same chunk, or with a state of
constant size; to all tokens and with such a state in parallel; in addition to a window, to entries for every 4 tokens
that an indexer selects, or for every 128. Models whose layers either attend or compute, but not both, also have layers
without attention.
"""
WITHOUT_ATTENTION: tuple[LayerType, ...] = ("feed_forward", "experts")


@dataclass(frozen=True, slots=True)
class Layer:
    """One decoder layer."""

    attention: LayerType = "full_attention"
    experts: bool = False
    indexer: bool = False  # whether sparse attention selects tokens here; otherwise as the layer before did
    hashed: bool = False  # whether a table selects the experts of a token

    @property
    def attends(self) -> bool:
        """Whether it has attention or a state."""
        return self.attention not in WITHOUT_ATTENTION

    @property
    def caches(self) -> tuple[LayerType, ...]:
        """What it caches for a sequence: a part for each kind of attention."""
        if self.attention == "parallel_attention":
            return ("full_attention", "linear_attention")
        return (self.attention,) if self.attends else ()
