"""What a user needs to send requests through the gateway."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from inferfleet.gateway.recorded import read_recorded


def access(gateway: Mapping[str, Any], clients: Sequence[Mapping[str, Any]], secrets_dir: str) -> dict[str, str]:
    """Return URL, CA file and key file of a client; `gateway` is the JSON form of its plan.

    With a certificate of the user's, the CA file is empty. The key is that of the first client whose key was generated;
    empty if all keys are in the inventory.

    Raises:
        BrokenRecordError: the record of `inferfleet clients` is invalid.
    """
    folder = Path(secrets_dir)
    active = read_recorded(folder).active(clients)
    generated = [client["name"] for client in active if not client.get("key")]
    return {
        "url": f"{gateway['url']}/v1",
        "ca_file": "" if gateway["certificate"] else str(folder / "gateway_ca.pem"),
        "key_file": str(folder / "api_clients" / generated[0]) if generated else "",
    }
