"""Filters of the gateway (see inferfleet.gateway)."""

from __future__ import annotations

from pathlib import Path

from ansible.errors import AnsibleFilterError

from inferfleet import gateway


def gateway_problems(plans, clients, certificate, key):
    """Return the problems of the gateway's settings in JSON form."""
    return [problem.as_dict() for problem in gateway.gateway_problems(plans, clients, certificate, key)]


def gateway_clients(clients, secrets_dir):
    """Return the clients that the gateway accepts: those of the setting and those of `inferfleet clients`."""
    try:
        recorded = gateway.read_recorded(Path(secrets_dir))
    except gateway.BrokenRecordError as error:
        raise AnsibleFilterError(str(error)) from None
    return recorded.active(clients)


class FilterModule:
    """Filters by name."""

    def filters(self):
        """Return the filters by name."""
        return {"gateway_clients": gateway_clients, "gateway_problems": gateway_problems}
