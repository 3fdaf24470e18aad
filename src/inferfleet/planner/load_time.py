"""How long an engine reads the weights from the disk of a node.

The ranks of a node share its page cache. With pipeline stages on several nodes, a node reads the tensors of its own
stages only: safetensors maps files into memory, and engines skip the tensors of other stages before they copy them
(vllm/model_executor/models/utils.py, is_pp_missing_parameter; sglang/srt/models, start_layer).
"""

from collections.abc import Sequence
from math import ceil

LOAD_BYTES_PER_SECOND = 1_600_000_000
"""Measured on one local disk without page cache (docs/en/measurements.md, "Load time by format"); others differ."""


def load_seconds(size: int) -> int:
    """Return the seconds in which a node reads files of `size` bytes at that speed."""
    return ceil(size / LOAD_BYTES_PER_SECOND)


def load_bytes(size: int, stages: Sequence[int], nodes: int) -> int:
    """Return the bytes that the node with the largest stages reads of files of `size` bytes.

    `stages` are the weights of each pipeline stage; every node has as many of them, in their order.
    """
    if not stages or len(stages) % nodes:
        return size
    each = len(stages) // nodes
    largest = max(sum(stages[first : first + each]) for first in range(0, len(stages), each))
    return ceil(size * largest / sum(stages))
