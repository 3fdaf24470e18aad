"""Prefix affinity: the replica of a request is chosen by the beginning of its prompt, whose KV cache it has.

docs/decisions/gateway.md compares it with vllm-router.
"""

from dataclasses import dataclass

from inferfleet.gateway.backends import Backend

_MANY = 3


@dataclass(frozen=True)
class Affinity:
    """How the beginning of a prompt is found, and how much it may unbalance the replicas."""

    header: str = "X-Prefix-Hash"
    search_bytes: int = 65536
    prefix_bytes: int = 1024
    """About 256 tokens. What is shared below that is computed again in milliseconds."""
    first: tuple[str, ...] = (
        "$.prompt",
        "$.prompt[0]",
        "$.messages[0].content",
        "$.messages[0].content[0].text",
        "$.instructions",
        "$.input",
        "$.input[0].content",
        "$.input[0].content[0].text",
    )
    """JSON paths of a prompt's beginning in requests of OpenAI's API, a text or a list of parts."""
    second: tuple[str, ...] = ("$.messages[1].content", "$.messages[1].content[0].text")
    """After a system message: the first message of the user, which is the same in all turns of a conversation."""

    def factor(self, replicas: int) -> int:
        """Return how many requests a replica may have by affinity, in percent of the average of all replicas."""
        return 150 if replicas < _MANY else 200

    def busy(self, backend: Backend) -> int:
        """Return with how many requests of the backend a replica can be full; 0: never."""
        capacities = [replica.capacity for replica in backend.replicas]
        return min(capacities) * len(capacities) * 100 // self.factor(len(capacities))
