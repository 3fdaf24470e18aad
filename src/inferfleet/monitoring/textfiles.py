"""Metrics that a deployment writes to a file, which node_exporter exports (its collector `textfile`)."""

from cryptography import x509

_HELP = "# HELP inferfleet_certificate_not_after_seconds Time at which the gateway's certificate expires."
_TYPE = "# TYPE inferfleet_certificate_not_after_seconds gauge"


def certificate_metrics(certificate: str) -> str:
    """Return when the first certificate of a PEM text expires, as a metric; without one, no metric."""
    if not certificate:
        return ""
    moment = x509.load_pem_x509_certificate(certificate.encode()).not_valid_after_utc
    return f"{_HELP}\n{_TYPE}\ninferfleet_certificate_not_after_seconds {moment.timestamp():.0f}\n"
