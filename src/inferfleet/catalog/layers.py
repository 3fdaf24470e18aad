"""Types of a model's decoder layers."""

from dataclasses import dataclass
from typing import Literal

LayerType = Literal[
    "full_attention",
    "sliding_attention",
    "chunked_attention",
    "linear_attention",
    "compressed_sparse_attention",
    "heavily_compressed_attention",
]
"""Attention of a layer, as `layer_types` of a `config.json` names it.

To all tokens (also latent attention), to a window of the latest tokens, to those of the same chunk, or with a state of
constant size; in addition to a window, to entries for every 4 tokens that an indexer selects, or for every 128.
"""


@dataclass(frozen=True, slots=True)
class Layer:
    """One decoder layer."""

    attention: LayerType = "full_attention"
    experts: bool = False
    indexer: bool = False  # whether sparse attention selects tokens here; otherwise as the layer before did
    hashed: bool = False  # whether a table selects the experts of a token
