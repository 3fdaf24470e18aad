"""Pieces of a file; the set of pieces present is a bit mask in one integer."""

from __future__ import annotations

SMALLEST, LARGEST = 256 * 2**10, 32 * 2**20
PIECES = 128
"""Approximate number of pieces per file: small enough to forward early, few enough to list in one message."""


def piece_size(size):
    """Return the size of a piece in bytes, a power of two."""
    wanted = max(1, size // PIECES)
    return min(LARGEST, max(SMALLEST, 1 << (wanted - 1).bit_length()))


def piece_count(size):
    """Return the number of pieces of a file; an empty file has none."""
    return -(-size // piece_size(size))


def piece_range(size, piece):
    """Return offset and size of a piece in bytes."""
    step = piece_size(size)
    return piece * step, min(step, size - piece * step)


def all_pieces(size):
    """Return the bits of all pieces of a file."""
    return (1 << piece_count(size)) - 1


def bytes_of(size, bits):
    """Return the total size of the given pieces in bytes."""
    count, last = piece_count(size), piece_count(size) - 1
    if not bits:
        return 0
    short = piece_range(size, last)[1] if bits >> last & 1 else 0
    return (bin(bits & ((1 << count) - 1)).count("1") - bool(short)) * piece_size(size) + short


def runs(size, bits):
    """Return the gaps of a file as (begin, end) in bytes, in order."""
    gaps, begin = [], None
    for piece in range(piece_count(size)):
        at = piece_range(size, piece)[0]
        if bits >> piece & 1:
            if begin is not None:
                gaps.append((begin, at))
                begin = None
        elif begin is None:
            begin = at
    if begin is not None:
        gaps.append((begin, size))
    return gaps


def covered(size, begin, end):
    """Return the bits of the pieces that are completely within bytes `begin` to `end`."""
    step, count = piece_size(size), piece_count(size)
    first = -(-begin // step)
    last = count if end >= size else end // step
    return ((1 << last) - 1) & ~((1 << first) - 1) if last > first else 0


def indices(bits):
    """Return the numbers of the pieces that are set."""
    found = []
    while bits:
        low = bits & -bits
        found.append(low.bit_length() - 1)
        bits ^= low
    return found
