"""Versions of drivers, engines and tools, compared by their numbers alone."""


def version_key(version: str) -> tuple[int, ...]:
    """Return the numbers of a version: `0.8.5.post1` → (0, 8, 5, 1); whatever stands between them is ignored."""
    digits = "".join(c if c in "0123456789" else " " for c in version)
    return tuple(int(part[:18]) for part in digits.split())
