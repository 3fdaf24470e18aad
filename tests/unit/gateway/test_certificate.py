"""The gateway's certificates: names, issuer and renewal."""

import ssl
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from inferfleet.gateway import Pair, is_current, issue_authority, issue_server, pair_problem

NAMES = ["gw1", "gateway.example.com", "10.0.0.5", "fd00::5"]
AUTHORITY = issue_authority("prod")


def test_names_and_addresses_are_alternative_names():
    server = x509.load_pem_x509_certificate(issue_server(AUTHORITY, NAMES).certificate.encode())
    names = server.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert {*names.get_values_for_type(x509.DNSName)} == {"gw1", "gateway.example.com"}
    assert {str(address) for address in names.get_values_for_type(x509.IPAddress)} == {"10.0.0.5", "fd00::5"}


def test_authority_is_accepted_as_a_ca():
    ssl.create_default_context(cadata=AUTHORITY.certificate)
    subject = x509.load_pem_x509_certificate(AUTHORITY.certificate.encode()).subject.rfc4514_string()
    assert subject == "CN=inferfleet CA of prod"


def test_certificate_is_renewed_when_names_issuer_or_date_require_it():
    server = issue_server(AUTHORITY, NAMES).certificate
    assert is_current(server, AUTHORITY.certificate, reversed(NAMES))
    assert not is_current(server, AUTHORITY.certificate, [*NAMES, "gw2"])
    assert not is_current(server, issue_authority("prod").certificate, NAMES)
    assert not is_current(server, issue_authority("other").certificate, NAMES)
    assert not is_current(server, AUTHORITY.certificate, NAMES, datetime.now(UTC) + timedelta(days=800))


def test_pair_that_haproxy_would_refuse_is_a_problem():
    server, other = issue_server(AUTHORITY, NAMES), issue_server(AUTHORITY, NAMES)
    assert pair_problem(server) is None
    assert "another certificate" in str(pair_problem(Pair(server.certificate, other.key)))
    assert "expired" in str(pair_problem(server, datetime.now(UTC) + timedelta(days=3650)))
    assert pair_problem(Pair("no certificate", server.key))
    key = load_pem_private_key(server.key.encode(), None)
    encrypted = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret")).decode()
    assert "encrypted" in str(pair_problem(Pair(server.certificate, encrypted)))
