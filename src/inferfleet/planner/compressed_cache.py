"""KV cache of compressed attention in vLLM: tokens that fit in an amount of memory.

Every layer has a window of tokens; those with compression also entries for 4 or 128 tokens and the state from which the
next entry is computed, and those with an indexer the same for it. Each is a cache of its own, with pages of its own
size (vllm/models/deepseek_v4: attention.py and compressor.py; vllm/v1/attention/backends/mla/sparse_swa.py). They share
one pool of blocks, each as wide as the widest group of caches (vllm/v1/core/kv_cache_utils.py of 0.32.0,
_get_packed_kv_cache_groups). Tokens are in FP8, the only type of FlashMLA's kernel.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from math import ceil

from inferfleet.catalog.architecture import Architecture
from inferfleet.catalog.layers import Layer
from inferfleet.engines.layout import Layout
from inferfleet.planner.compressed_attention import RATIOS, overlap
from inferfleet.planner.limits import Limits

_BLOCK_TOKENS = 256  # of the caches of entries, which FlashMLA's kernel requires
_WINDOW_TOKENS = 64
_STATE_TOKENS = {4: 4, 128: 8}  # compression ratio -> tokens of a block of its states
_TOKEN_BYTES = 584  # 448 in FP8, 64 in BF16 and 8 of scales, whatever the width
_INDEX_SCALE = 4  # bytes of an entry of the indexer in addition to its elements in FP8
_ALIGNMENT = 576  # bytes


@dataclass(frozen=True, slots=True)
class _Group:
    """Caches whose pages make up a block, as bytes of a page -> number; and the blocks of one sequence."""

    pages: Counter[int]
    blocks: int

    @property
    def width(self) -> int:
        return sum(page * count for page, count in self.pages.items())


def tokens_in_flight(layout: Layout, limits: Limits) -> int:
    """Return the scheduled tokens whose blocks are not freed yet.

    One batch more than stages, since scheduling is asynchronous (vllm/config/vllm.py, max_in_flight_tokens).
    """
    return (layout.pipeline_parallel_size + 1) * limits.max_num_batched_tokens


def compressed_cache_tokens(
    arch: Architecture, layout: Layout, limits: Limits, layers: tuple[Layer, ...], size: int
) -> tuple[int, float]:
    """Return the tokens that `size` bytes of KV cache of a stage with these layers hold, and the concurrency."""
    here = _groups(arch, layers, tokens_in_flight(layout, limits), limits.max_model_len)
    entire = _groups(arch, arch.layers, tokens_in_flight(layout, limits), limits.max_model_len)
    width = max(group.width for group in here)
    concurrency = max(0, size // width) / sum(group.blocks for group in entire)
    return int(concurrency * limits.max_model_len), concurrency


def _groups(arch: Architecture, layers: Iterable[Layer], in_flight: int, length: int) -> list[_Group]:
    """Return the groups of the caches of layers.

    Layers with an indexer have two states of different sizes, which vLLM does not separate: the number of these layers
    is the size of a group, and windows and states of single layers are divided into groups of about as many.
    """
    ratios = Counter(RATIOS.get(layer.attention, 0) for layer in layers)
    entries: Counter[int] = Counter()
    groups = []
    windows = {0: (ratios.total(), _page(_WINDOW_TOKENS * _TOKEN_BYTES), arch.sliding_window, _WINDOW_TOKENS)}
    for ratio in RATIOS.values():
        if not (count := ratios[ratio]):
            continue
        entries[_page(_BLOCK_TOKENS // ratio * _TOKEN_BYTES)] += count
        tokens = _STATE_TOKENS[ratio]
        windows[ratio] = (count, _state(tokens, ratio, arch.head_size), overlap(ratio) * ratio, tokens)
    indexed = ratios[4] if arch.index_head_dim else 0
    if indexed:
        entries[_page(_BLOCK_TOKENS // 4 * (arch.index_head_dim + _INDEX_SCALE))] += indexed
    if entries:
        groups.append(_Group(entries, ceil(length / _BLOCK_TOKENS)))
    most = _divisor([count for count, *_ in windows.values()], indexed)
    for ratio, (count, page, window, tokens) in windows.items():
        blocks = ceil(min(window - 1 + in_flight, length) / tokens) + 1
        parts = ceil(count / most)
        pages = Counter({page: ceil(count / parts)})
        if ratio == 4 and indexed:
            pages[_state(tokens, ratio, arch.index_head_dim)] += pages[page]
        groups += [_Group(pages, blocks)] * parts
    return groups


def _divisor(counts: list[int], least: int) -> int:
    """Return the size of groups, at least `least`, with the least padding (_approximate_gcd); all layers without."""
    sizes = range(least or max(counts), max(counts) + 1)
    return min(reversed(sizes), key=lambda size: sum(-count % size for count in counts))


def _page(size: int) -> int:
    return ceil(size / _ALIGNMENT) * _ALIGNMENT


def _state(tokens: int, ratio: int, width: int) -> int:
    """Return the bytes of a page of states: a value and a score of each element, in FP32."""
    return _page(tokens * 2 * overlap(ratio) * width * 4)
