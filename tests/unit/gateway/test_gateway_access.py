"""What the summary of a run shows of the gateway."""

import pytest

from inferfleet.gateway import access

GATEWAY = {"url": "https://10.0.0.1:8443", "certificate": ""}


def test_key_and_ca_are_files_of_the_inventory():
    assert access(GATEWAY, [{"name": "app"}, {"name": "other"}], "/srv/.secrets") == {
        "url": "https://10.0.0.1:8443/v1",
        "ca_file": "/srv/.secrets/gateway_ca.pem",
        "key_file": "/srv/.secrets/api_clients/app",
    }


@pytest.mark.parametrize(
    ("clients", "file"),
    [
        ([{"name": "app", "key": "a-key-of-the-inventory"}, {"name": "other", "key": ""}], "/s/api_clients/other"),
        ([{"name": "app", "key": "a-key-of-the-inventory"}], ""),
    ],
)
def test_key_of_the_inventory_has_no_file(clients, file):
    assert access(GATEWAY, clients, "/s")["key_file"] == file


def test_own_certificate_has_no_ca_of_the_inventory():
    assert access({**GATEWAY, "certificate": "/etc/llm.pem"}, [{"name": "app"}], "/s")["ca_file"] == ""
