"""What vLLM's log states of memory and of the start."""

import re

_NUMBERS = {
    "weights_gib": re.compile(r"Model loading took ([\d.]+) GiB"),
    "load_seconds": re.compile(r"Model loading took [\d.]+ GiB(?: memory)? and ([\d.]+) seconds"),
    "kv_cache_gib": re.compile(r"Available KV cache memory: (-?[\d.]+) GiB"),
    "kv_cache_tokens": re.compile(r"GPU KV cache size: ([\d,]+) tokens"),
    "capture_seconds": re.compile(r"Graph capturing finished in ([\d.]+) secs"),
    "graphs_gib": re.compile(r"Graph capturing finished in [\d.]+ secs, took (-?[\d.]+) GiB"),
    "compile_seconds": re.compile(r"init engine .*compilation: ([\d.]+) s"),
    "init_seconds": re.compile(r"init engine .*took ([\d.]+) s"),
}


def read_log(text: str) -> dict[str, list[float]]:
    """Return every number that the log states, one for each rank or engine core that logged it, in order."""
    found = {
        key: [float(number.replace(",", "")) for number in pattern.findall(text)] for key, pattern in _NUMBERS.items()
    }
    return {key: numbers for key, numbers in found.items() if numbers}
