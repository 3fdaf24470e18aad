"""The gateway's certificate, issued by a certificate authority (CA) that is generated once for an inventory."""

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from inferfleet.messages import N_, Message

INTERNAL_NAME = "gateway.inferfleet.internal"
"""Name of the gateway for Open WebUI and checks, in each certificate of the CA. `.internal` is never a public domain
(ICANN Board resolution 2024.07.29.06)."""
_CA_DAYS = 3650
_SERVER_DAYS = 825  # the most that Apple's systems accept (support.apple.com/en-us/103769)
_RENEW_DAYS = 60
_CLOCK_SKEW = timedelta(days=1)


@dataclass(frozen=True)
class Pair:
    """A certificate and its private key, in PEM."""

    certificate: str
    key: str


def issue_authority(cluster: str, now: datetime | None = None) -> Pair:
    """Return a new CA for the inventory named `cluster`."""
    now = now or datetime.now(UTC)
    key = ec.generate_private_key(ec.SECP256R1())
    name = _name(f"inferfleet CA of {cluster}")
    builder = _builder(name, name, key, now, _CA_DAYS).add_extension(x509.BasicConstraints(True, 0), critical=True)
    usage = x509.KeyUsage(False, False, False, False, False, True, True, False, False)  # signs certificates and CRLs
    return _pair(builder.add_extension(usage, critical=True).sign(key, hashes.SHA256()), key)


def issue_server(authority: Pair, names: Iterable[str], now: datetime | None = None) -> Pair:
    """Return a new certificate for the host names and addresses in `names`, issued by `authority`."""
    now = now or datetime.now(UTC)
    issuer = x509.load_pem_x509_certificate(authority.certificate.encode())
    signer = load_pem_private_key(authority.key.encode(), None)
    if not isinstance(signer, ec.EllipticCurvePrivateKey):
        raise TypeError("The CA's key is not an elliptic-curve key.")
    key = ec.generate_private_key(ec.SECP256R1())
    builder = (
        _builder(_name("inferfleet gateway"), issuer.subject, key, now, _SERVER_DAYS)
        .add_extension(x509.BasicConstraints(False, None), critical=True)
        .add_extension(x509.SubjectAlternativeName([_alternative(name) for name in sorted({*names})]), critical=False)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()),
            critical=False,
        )
    )
    return _pair(builder.sign(signer, hashes.SHA256()), key)


def is_current(certificate: str, authority: str, names: Iterable[str], now: datetime | None = None) -> bool:
    """Return whether a certificate is valid for `names`, issued by `authority`, and does not expire soon."""
    now = now or datetime.now(UTC)
    there = x509.load_pem_x509_certificate(certificate.encode())
    try:
        there.verify_directly_issued_by(x509.load_pem_x509_certificate(authority.encode()))
    except (ValueError, InvalidSignature):
        return False
    alternatives = there.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    same = {*alternatives} == {_alternative(name) for name in names}
    return same and there.not_valid_after_utc - now > timedelta(days=_RENEW_DAYS)


def dns_and_addresses(certificate: str) -> list[str]:
    """Return the host names and addresses that the first certificate of a PEM text is valid for."""
    extensions = x509.load_pem_x509_certificate(certificate.encode()).extensions
    try:
        names = extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    return [
        *names.get_values_for_type(x509.DNSName),
        *(str(address) for address in names.get_values_for_type(x509.IPAddress)),
    ]


def pair_problem(pair: Pair, now: datetime | None = None) -> str | Message | None:
    """Return why a pair cannot be used: invalid, expired, or not of one key; None if it can."""
    try:
        certificate = x509.load_pem_x509_certificate(pair.certificate.encode())
        key = load_pem_private_key(pair.key.encode(), None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:  # TypeError: encrypted
        return str(error)
    if certificate.not_valid_after_utc < (now or datetime.now(UTC)):
        return Message("", N_("it expired on {day}"), day=f"{certificate.not_valid_after_utc:%Y-%m-%d}")
    if certificate.public_key() != key.public_key():
        return Message("", N_("the key belongs to another certificate"))
    return None


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, now: datetime, days: int
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _CLOCK_SKEW)
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common[:64])])  # RFC 5280: ub-common-name


def _alternative(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _pair(certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> Pair:
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    return Pair(certificate.public_bytes(Encoding.PEM).decode(), secret)
