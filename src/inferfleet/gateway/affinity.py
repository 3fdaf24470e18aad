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
        "$.prompt[0]",
        "$.prompt",
        "$.messages[0].content[0].text",
        "$.messages[0].content",
        "$.instructions",
        "$.input[0].content[0].text",
        "$.input[0].content",
        "$.input",
    )
    """JSON paths of a prompt's beginning in requests of OpenAI's API, a list of parts or a text. Lists are first:
    HAProxy 3.0 returns them as text as well, in which the order of names matters."""
    second: tuple[str, ...] = ("$.messages[1].content[0].text", "$.messages[1].content")
    """After a system message: the first message of the user, which is the same in all turns of a conversation."""

    def factor(self, replicas: int) -> int:
        """Return how many requests a replica may have by affinity, in percent of the average of all replicas."""
        return 150 if replicas < _MANY else 200

    def busy(self, backend: Backend) -> int:
        """Return with how many requests of the backend a replica can be full; 0: never."""
        capacities = [replica.capacity for replica in backend.replicas]
        return min(capacities) * len(capacities) * 100 // self.factor(len(capacities))
