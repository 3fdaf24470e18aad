"""Origins of Open WebUI's page behind the gateway."""

import pytest

from inferfleet.gateway import Webui, issue_authority, issue_server, webui_origins


def gateway(port=8444, certificate=""):
    names = ["node1", "10.0.0.1", "fd00::1", "node1"]
    return {"names": names, "certificate": str(certificate), "webui": {"port": port, "server": "10.0.0.1:3000"}}


def test_origins_are_those_of_all_names():
    assert webui_origins(gateway()) == ["https://node1:8444", "https://10.0.0.1:8444", "https://[fd00::1]:8444"]


def test_browsers_omit_the_default_port():
    assert webui_origins(gateway(443)) == ["https://node1", "https://10.0.0.1", "https://[fd00::1]"]


def test_names_of_the_users_certificate_are_added(tmp_path):
    names = ["llm.example.com", "*.example.org", "192.0.2.1"]
    file = tmp_path / "own.pem"
    file.write_text(issue_server(issue_authority("test"), names).certificate)
    assert webui_origins(gateway(certificate=file))[3:] == ["https://llm.example.com:8444", "https://192.0.2.1:8444"]


@pytest.mark.parametrize(("port", "expected"), [(8444, Webui(8444, "10.0.0.1:3000")), (0, None)])
def test_gateway_listens_for_browsers_only_where_there_is_a_page(port, expected):
    assert Webui.from_dict(gateway(port)["webui"]) == expected
