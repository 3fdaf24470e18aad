"""Messages to the robots of chat groups: forms, signatures and length."""

import base64
import hashlib
import hmac
import importlib.util
from http.client import InvalidURL
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

FILE = Path(__file__).parents[3] / "roles/monitoring/files/alert_forwarder.py"
WORDS = {"firing": "firing", "resolved": "resolved"}
ALERT = {
    "status": "firing",
    "labels": {"alertname": "ReplicaDown", "node": "n1", "replica": "r1"},
    "annotations": {"summary": "Down", "cause": "Cause.", "check": "Check.", "remedy": "Remedy."},
}


@pytest.fixture(scope="module")
def forwarder():
    spec = importlib.util.spec_from_file_location("alert_forwarder", FILE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_text_names_place_cause_check_and_remedy(forwarder):
    text = forwarder.text_of({"alerts": [ALERT]}, WORDS).decode()
    assert text == "**[firing] Down**\n\nnode n1, replica r1\n\nCause.\n\nCheck.\n\nRemedy."
    resolved = forwarder.text_of({"alerts": [{**ALERT, "status": "resolved"}]}, WORDS).decode()
    assert resolved == "**[resolved] Down**\n\nnode n1, replica r1"


def test_alerts_of_many_nodes_have_their_texts_once(forwarder):
    alerts = [{**ALERT, "labels": {"alertname": "NodeUnreachable", "node": f"gpu{number}"}} for number in range(32)]
    resolved = {**ALERT, "status": "resolved"}
    text = forwarder.text_of({"alerts": [*alerts, resolved]}, WORDS).decode()
    assert text.startswith("**[firing] Down**\n\nnode gpu0\n\nnode gpu1\n\n")
    assert text.count("Cause.") == 1
    assert text.endswith("node gpu31\n\nCause.\n\nCheck.\n\nRemedy.\n\n**[resolved] Down**\n\nnode n1, replica r1")


def test_text_names_the_member_that_is_lost_and_the_component(forwarder):
    labels = {"alertname": "MemberLost", "node": "n1", "replica": "r1", "member": "n2", "job": "supervisor"}
    text = forwarder.text_of({"alerts": [{**ALERT, "labels": labels}]}, WORDS).decode()
    assert "node n1, replica r1, member n2, job supervisor" in text


@pytest.mark.parametrize(
    "url",
    [
        "https://robot/send?key=0123456789",
        "https://robot/hook/0123456789",
        "https://robot/send?access_token=0123456789",
    ],
)
def test_errors_do_not_show_the_key(forwarder, url):
    for error in (
        ValueError(f"unknown url type: {url}"),
        InvalidURL(f"URL can't contain control characters. {url[13:]!r}"),
    ):
        text = forwarder.reason_of({"kind": "feishu", "url": url, "secret": "SEC"}, error)
        assert "0123456789" not in text
        assert "<hidden>" in text


def test_long_text_is_cut_to_what_wecom_accepts(forwarder):
    long = {**ALERT, "annotations": {"summary": "停机" * 3000}}
    assert len(forwarder.text_of({"alerts": [long]}, WORDS)) <= 4096
    forwarder.text_of({"alerts": [long]}, WORDS).decode()


def test_forms_of_the_robots(forwarder):
    def request(kind, **robot):
        return forwarder.request_of(
            {"kind": kind, "url": "https://robot/send?key=k", **robot}, "**T**", "T", 1700000000
        )

    assert request("wecom") == (
        "https://robot/send?key=k",
        {"msgtype": "markdown", "markdown": {"content": "**T**"}},
    )
    assert request("dingtalk")[1] == {"msgtype": "markdown", "markdown": {"title": "T", "text": "**T**"}}
    assert request("feishu")[1] == {"msg_type": "text", "content": {"text": "T"}}


def test_signatures(forwarder):
    def robot(kind):
        return {"kind": kind, "url": "https://robot/send?key=k", "secret": "SEC"}

    url, _ = forwarder.request_of(robot("dingtalk"), "T", "T", 1700000000)
    query = parse_qs(urlsplit(url).query)
    digest = hmac.new(b"SEC", b"1700000000000\nSEC", hashlib.sha256).digest()
    assert (query["timestamp"], query["sign"]) == (["1700000000000"], [base64.b64encode(digest).decode()])
    _, content = forwarder.request_of(robot("feishu"), "T", "T", 1700000000)
    digest = hmac.new(b"1700000000\nSEC", b"", hashlib.sha256).digest()
    assert (content["timestamp"], content["sign"]) == ("1700000000", base64.b64encode(digest).decode())


@pytest.mark.parametrize(
    ("answer", "accepted"),
    [({"errcode": 0}, True), ({"code": 0}, True), ({"errcode": 310000}, False), ({"code": 19021}, False), ([], False)],
)
def test_errors_with_status_200_are_recognized(forwarder, answer, accepted):
    assert forwarder.accepts(answer) is accepted
