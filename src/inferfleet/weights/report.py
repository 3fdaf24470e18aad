"""Traffic and duration of a model distribution, compared with the theoretical minimum time."""

from collections.abc import Mapping
from typing import Any


def weights_report(
    ends: Mapping[str, Mapping[str, Any]], lacking: Mapping[str, int], size: int, lan_mbps: Mapping[str, int]
) -> dict[str, Any]:
    """Return the report of one run, in bytes and seconds.

    `ends` maps nodes to results of weights_pull, `lacking` to the bytes that were missing before the run; `size` is the
    model's size in bytes, `lan_mbps` the speed of each node's link in Mbit/s (0: unknown).

    The floor is the larger of two times: the WAN's time for the bytes that no node had, at its measured rate, and the
    slowest link's time for the bytes that its node lacked.
    """
    nodes = [
        {
            "node": node,
            "wan_bytes": end["wan"],
            "lan_bytes": end["lan"],
            "sent_bytes": end["sent"],
            "seconds": round(end["seconds"], 2),
            "sources": dict(end["by_source"]),
            "peers": dict(end["by_peer"]),
            "events": list(end["events"]),
        }
        for node, end in ends.items()
    ]
    wan = sum(end["wan"] for end in ends.values())
    seconds = max((end["seconds"] for end in ends.values()), default=0.0)
    # Bytes fetched twice (a broken connection, a damaged file) do not count for the floor.
    needed = min(wan, max(lacking.values(), default=0))
    wan_floor = max((end["wan_seconds"] for end in ends.values()), default=0.0) * needed / wan if wan else 0.0
    lan_floor = max((lacking[node] * 8 / (lan_mbps[node] * 1e6) for node in ends if lan_mbps.get(node)), default=0.0)
    floor = max(wan_floor, lan_floor)
    return {
        "model_bytes": size,
        "nodes": nodes,
        "wan_bytes": wan,
        "lan_bytes": sum(end["lan"] for end in ends.values()),
        "seconds": round(seconds, 2),
        "floor_seconds": round(floor, 2),
        "limited_by": ("WAN" if wan_floor >= lan_floor else "LAN") if floor else "",
        "times_floor": round(seconds / floor, 2) if floor else None,
        "times_model": round(wan / size, 2) if size else None,
    }
