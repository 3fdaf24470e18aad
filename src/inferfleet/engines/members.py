"""The processes of one engine on several nodes, started by vLLM's own executor (`mp`) instead of Ray."""

from datetime import datetime

_TOGETHER_SECONDS = 30
"""Members that `up` starts together start within this time."""


def is_left_behind(started: str, head_started: str) -> bool:
    """Return whether a member was started before the head's last start, so that it waits for processes that are gone.

    Both are `State.StartedAt` of Docker's API (RFC 3339), empty if there is no such container. Seen with vLLM 0.32.0:
    killing `vllm serve` on the head leaves the other nodes' processes running, and its next start waits for them.
    """
    if not started or not head_started:
        return False
    return (_time(head_started) - _time(started)).total_seconds() > _TOGETHER_SECONDS


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)
