"""Look up what a client of the gateway needs: its key and the CA's certificate (see DOCUMENTATION)."""

from __future__ import annotations

from pathlib import Path

from ansible.plugins.lookup import LookupBase
from requests import certs

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
  description: A dictionary with C(key), C(ca), in PEM, and C(ca_bundle), the public CAs and this one, of each client.
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
        bundle = f"{Path(certs.where()).read_text('utf-8').rstrip()}\n{authority}"
        keys = folder.client_keys(terms).values()
        return [{"key": key, "ca": authority, "ca_bundle": bundle} for key in keys]
