"""Parameters of a model as matrices, and the part that each tensor-parallel rank holds."""

from dataclasses import dataclass, replace
from enum import Enum
from math import ceil, prod

from inferfleet.catalog.architecture import Precision

BLOCK = 128
"""Side of a quantization block (FP8 and block INT8) and usual group length of INT4, in elements."""
_MXFP4_GROUP = 32
_NVFP4_GROUP = 16
_VOCAB_PADDING = 64  # vLLM pads the vocabulary to a multiple of this before it splits it (VocabParallelEmbedding)
ITEM_BYTES: dict[Precision, int] = {"fp32": 4, "bf16": 2, "fp16": 2}
"""Bytes of an element that is not quantized."""


class Split(Enum):
    """How tensor parallelism divides a matrix of `outputs` × `inputs`."""

    NONE = "replicated on every rank"
    COLUMN = "outputs divided"
    ROW = "inputs divided"
    VOCABULARY = "rows divided after padding"


@dataclass(frozen=True, slots=True)
class Matrix:
    """One parameter of the running model: `copies` matrices, each of the stacked `parts` × `inputs`.

    `parts` are separate tensors in the checkpoint (q, k and v, or gate and up) that the engine fuses.
    """

    name: str
    parts: tuple[int, ...]
    inputs: int
    split: Split = Split.NONE
    modules: tuple[str, ...] = ()  # names of its parts in a layer of the checkpoint, if they may be quantized
    copies: int = 1
    kv_heads: int = 0  # parts after the first consist of this many heads, which ranks may have to share
    item_bytes: int = 0  # 0: the model's own element size
    quantized: bool = False
    group: int = BLOCK  # inputs that share a scale with INT4; 0: all
    zero_points: bool = True
    precision: Precision | None = None  # if it is quantized; None: the model's
    scale_bytes: int = 4  # of a block's scale
    group_scale_bytes: int = 2  # of the scale of a group, with INT4

    def on_rank(self, tensor_parallel_size: int, experts_divided: bool = False) -> "Matrix":
        """Return the part that one rank holds."""
        n = tensor_parallel_size
        if self.copies > 1 and experts_divided:
            return replace(self, copies=ceil(self.copies / n))
        if n == 1 and self.split is not Split.VOCABULARY:
            return self
        match self.split:
            case Split.COLUMN:
                return replace(self, parts=(self._share(self.parts[0], n), *(self._kv(p, n) for p in self.parts[1:])))
            case Split.ROW:
                return replace(self, inputs=self._share(self.inputs, n))
            case Split.VOCABULARY:
                rows = ceil(self.parts[0] / _VOCAB_PADDING) * _VOCAB_PADDING
                return replace(self, parts=(ceil(rows / n),))
        return self

    def padded(self, multiple: int) -> "Matrix":
        """Return it with the divided dimension as a multiple."""
        if self.split is Split.COLUMN:
            return replace(self, parts=tuple(ceil(part / multiple) * multiple for part in self.parts))
        return replace(self, inputs=ceil(self.inputs / multiple) * multiple) if self.split is Split.ROW else self

    def _kv(self, part: int, n: int) -> int:
        if not self.kv_heads:
            return self._share(part, n)
        return part // self.kv_heads * max(1, ceil(self.kv_heads / n))

    @staticmethod
    def _share(size: int, n: int) -> int:
        return ceil(size / n)

    def sizes(self, precision: Precision, item: int) -> list[int]:
        """Return the bytes of each allocation: the weight and, if it is quantized, its scales."""
        element, precision = self.item_bytes or item, self.precision or precision
        outputs, inputs, copies = sum(self.parts), self.inputs, self.copies
        if not self.quantized or precision in ITEM_BYTES:
            return [copies * outputs * inputs * element]
        if precision in ("mxfp4", "nvfp4"):  # one scale (8 bit) a group
            group = _MXFP4_GROUP if precision == "mxfp4" else _NVFP4_GROUP
            return [copies * outputs * inputs // 2, copies * outputs * ceil(inputs / group)]
        if precision == "int4":  # one scale (16 bit) a group, and with AWQ and GPTQ one zero point (4 bit)
            groups = ceil(inputs / (self.group or inputs))
            zeros = [copies * outputs * groups // 2] if self.zero_points else []
            return [copies * outputs * inputs // 2, copies * outputs * groups * self.group_scale_bytes, *zeros]
        blocks = ceil(inputs / BLOCK)
        rows = sum(ceil(part / BLOCK) for part in self.parts)
        return [copies * outputs * inputs, copies * rows * blocks * self.scale_bytes]

    @property
    def elements(self) -> int:
        """Number of weights."""
        return prod((self.copies, sum(self.parts), self.inputs))


def vector(name: str, size: int, split: Split = Split.NONE, item_bytes: int = 0) -> Matrix:
    """Return a one-dimensional parameter."""
    return Matrix(name, (size,), 1, split, item_bytes=item_bytes)
