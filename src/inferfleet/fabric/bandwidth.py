"""Bandwidth of a transfer, computed as nccl-tests does.

Formulas: NVIDIA/nccl-tests, doc/PERFORMANCE.md, in Gbit/s like a link's rate instead of GB/s.
"""

from collections.abc import Sequence

SMALLEST = 1 << 10
"""Bytes: small enough that only latency matters."""
_STEP = 16


def sizes(largest: int) -> list[int]:
    """Return the sizes to sweep in bytes: from 1 KiB in powers of 16, ending with `largest`."""
    result = [SMALLEST]
    while result[-1] * _STEP < largest:
        result.append(result[-1] * _STEP)
    return [*result, largest] if largest > result[-1] else [largest]


def send_gbps(size: int, seconds: float) -> float:
    """Return the bandwidth of one transfer in Gbit/s; its bus bandwidth is the same (sendrecv: factor 1)."""
    return size * 8 / seconds / 1e9 if seconds > 0 else 0.0


def all_reduce_gbps(size: int, seconds: float, ranks: int) -> float:
    """Return the bus bandwidth of an all-reduce in Gbit/s: size / time × 2(n−1)/n, at most the link's rate.

    Each rank sends and receives 2(n−1)/n times the size, whatever the algorithm.
    """
    return send_gbps(size, seconds) * 2 * (ranks - 1) / ranks if ranks > 1 else 0.0


def upper_median(values: Sequence[float]) -> float:
    """Return the median, or the larger of the middle two: of two links, the better one is the reference."""
    return sorted(values)[len(values) // 2] if values else 0.0
