"""Filters for the gateway."""

from __future__ import annotations

from pathlib import Path

from ansible.errors import AnsibleFilterError

from inferfleet import gateway


def gateway_clients(clients, secrets_dir):
    """Return the clients that the gateway accepts: of the setting, of `inferfleet clients`, and inferfleet's own."""
    try:
        recorded = gateway.read_recorded(Path(secrets_dir))
    except gateway.BrokenRecordError as error:
        raise AnsibleFilterError(str(error)) from None
    return recorded.accepted(clients)


class FilterModule:
    """Filters by name."""

    def filters(self):
        """Return the filters by name."""
        return {
            "differing_files": gateway.differing_files,
            "gateway_access": gateway.access,
            "gateway_clients": gateway_clients,
            "webui_origins": gateway.webui_origins,
        }
