"""How long an engine reads the weights from the disk of a node.

Every rank reads all files of the checkpoint, but the ranks of a node share the page cache.
"""

from math import ceil

LOAD_BYTES_PER_SECOND = 1_600_000_000
"""Measured on one local disk without page cache (docs/measurements.md, "Load time by format"); others differ."""


def load_seconds(size: int) -> int:
    """Return the seconds in which a node reads files of `size` bytes at that speed."""
    return ceil(size / LOAD_BYTES_PER_SECOND)
