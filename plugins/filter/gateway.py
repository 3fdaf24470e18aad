"""Filters for the gateway."""

from __future__ import annotations

from pathlib import Path

from ansible.errors import AnsibleFilterError

from inferfleet import gateway
from inferfleet.gateway.usage import client_usage


def gateway_clients(clients, secrets_dir):
    """Return the clients that the gateway accepts: of the setting, of `inferfleet clients`, and inferfleet's own."""
    try:
        recorded = gateway.read_recorded(Path(secrets_dir))
    except gateway.BrokenRecordError as error:
        raise AnsibleFilterError(str(error)) from None
    return recorded.accepted(clients)


def keepalived_config(plan, host, hostvars, check):
    """Return keepalived.conf of a host from the plan of the gateway and the facts of its hosts.

    A host that the run does not include has no facts: its peers then expect its packets from its cluster address.
    """
    virtual, links = plan["virtual_address"], {}
    for name, address in plan["hosts"].items():
        facts = hostvars[name].get("ansible_facts", {}).get("inferfleet_node", {})
        links[name] = gateway.link_of(facts.get("interfaces", ()), virtual) or gateway.Link("", address)
    return gateway.render_keepalived(host, links, virtual, check)


class FilterModule:
    """Filters by name."""

    def filters(self):
        """Return the filters by name."""
        return {
            "client_usage": client_usage,
            "differing_files": gateway.differing_files,
            "gateway_access": gateway.access,
            "gateway_clients": gateway_clients,
            "keepalived_config": keepalived_config,
            "webui_origins": gateway.webui_origins,
        }
