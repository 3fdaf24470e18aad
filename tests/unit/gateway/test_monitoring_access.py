"""Who is authenticated for Prometheus and Alertmanager."""

import hashlib

import pytest

from inferfleet.gateway.monitoring import credentials

HEADERS = ["", "Basic YWRtaW46", "Basic ", "-"]  # the second one: admin without a password


def test_header_of_the_administrator():
    assert credentials("admin", "p") == hashlib.sha256(b"Basic YWRtaW46cA==").hexdigest()


@pytest.mark.parametrize("header", HEADERS)
def test_nobody_is_authenticated_without_a_password(header):
    assert credentials("admin", "") != hashlib.sha256(header.encode()).hexdigest()
