"""node_firewall_state compares files as they are written."""

import pytest


@pytest.fixture(scope="module")
def module(load):
    return load("node_firewall_state")


def test_content_and_mode_must_match(module, tmp_path):
    file = tmp_path / "rules"
    file.write_text("table inet x {}\n")
    file.chmod(0o600)
    assert module.is_current(str(file), "table inet x {}\n", "0600")
    assert not module.is_current(str(file), "table inet x {}\n", "0644")
    assert not module.is_current(str(file), "table inet y {}\n", "0600")
    assert not module.is_current(str(tmp_path / "missing"), "", "0600")
