"""Keys of the receivers of alerts are masked in logs."""

import pytest

from inferfleet.doctor import Hider
from inferfleet.settings.receivers import receiver_secrets

SETTINGS = {
    "monitoring_webhooks": ["https://hooks.example.com/T1/abcdefgh", "http://plain.example.com"],
    "monitoring_robots": [
        {"kind": "dingtalk", "url": "https://robot/send?access_token=abcdefgh", "secret": "SECabcdefgh"}
    ],
    "monitoring_email": [{"to": "a@example.com", "user": "a", "password": "hunter-two"}],
}
LOG = (
    'err="Post \\"https://hooks.example.com/T1/abcdefgh\\": refused" robot /send?access_token=abcdefgh '
    "signed SECabcdefgh as hunter-two"
)


def test_keys_of_receivers_are_masked():
    hidden = Hider(receiver_secrets(SETTINGS))(LOG)
    assert "abcdefgh" not in hidden
    assert "hunter-two" not in hidden
    assert "https://hooks.example.com<monitoring_webhooks 1>" in hidden


@pytest.mark.parametrize("value", [None, "text", [1], [None], {"a": 1}])
def test_wrong_settings_have_no_secrets(value):
    assert receiver_secrets(dict.fromkeys(SETTINGS, value)).keys() <= {"monitoring_webhooks 1"}
