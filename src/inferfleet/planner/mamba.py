"""Mamba-2: parameters of a layer, and the state that it keeps for a sequence."""

from collections.abc import Iterator

from inferfleet.catalog.architecture import Architecture
from inferfleet.planner.matrix import Matrix, Split, vector


def mamba(arch: Architecture) -> Iterator[Matrix]:
    """Yield the parameters of a Mamba-2 mixer (vllm/model_executor/layers/mamba/mamba_mixer2.py).

    Ranks divide heads and groups; a single group is replicated on every rank.
    """
    hidden, heads, groups = arch.hidden_size, arch.mamba_n_heads, arch.mamba_n_groups
    inner, states = heads * arch.mamba_d_head, groups * arch.mamba_d_state
    module = "mixer" if arch.separate_layers else "mamba"
    projection = (f"{module}.in_proj",)
    yield Matrix("in_proj, gate and values", (inner, inner), hidden, Split.COLUMN, projection)
    yield Matrix(
        "in_proj, steps and groups", (heads, states, states), hidden, Split.COLUMN, projection, kv_heads=groups
    )
    yield Matrix("conv1d", (inner, states, states), arch.mamba_d_conv + 1, Split.COLUMN, kv_heads=groups)  # with bias
    yield Matrix("dt_bias, A_log, D", (heads, heads, heads), 1, Split.COLUMN)
    if arch.mamba_rms_norm:
        yield vector("norm", inner, Split.COLUMN)
    yield Matrix("out_proj", (hidden,), inner, Split.ROW, (f"{module}.out_proj",))


def mamba_state_bytes(arch: Architecture, ranks: int, item_bytes: int) -> int:
    """Return the bytes of the state of a layer on one of `ranks` ranks, `item_bytes` an element but the convolution's.

    vllm/model_executor/layers/mamba/mamba_utils.py, mamba2_state_shape.
    """
    inner = arch.mamba_n_heads * arch.mamba_d_head
    groups = arch.mamba_n_groups if arch.mamba_n_groups % ranks == 0 else ranks
    convolution = (inner + 2 * groups * arch.mamba_d_state) * (arch.mamba_d_conv - 1)
    return (convolution * 2 + inner * arch.mamba_d_state * item_bytes) // ranks
