"""Look up what a client of the gateway needs: its key and the CA's certificate (see DOCUMENTATION)."""

from __future__ import annotations

from pathlib import Path

from ansible.plugins.lookup import LookupBase

from inferfleet.gateway import SecretFolder

DOCUMENTATION = r"""
name: gateway_client
author: inferfleet
short_description: Key of a client of the gateway, and the certificate of its CA
description:
  - Generates what is missing, as the role gateway does; a check run does not store it.
options:
  _terms:
    description: Names of clients.
"""

EXAMPLES = r"""
- name: Send a request to the gateway
  gateway_answers:
    api_key: "{{ lookup('gateway_client', 'verify').key }}"
"""

RETURN = r"""
_raw:
  description: A dictionary with C(key) and C(ca), in PEM, of each client.
  type: list
  elements: dict
"""


class LookupModule(LookupBase):
    """Reads the folder in the variable C(preflight_secrets_dir)."""

    def run(self, terms, variables=None, **kwargs):
        """Return key and CA of each client."""
        path = Path(self._templar.template(variables["preflight_secrets_dir"]))
        folder = SecretFolder(path, read_only=bool(variables.get("ansible_check_mode")))
        authority = folder.authority().certificate
        return [{"key": key, "ca": authority} for key in folder.client_keys(terms).values()]
