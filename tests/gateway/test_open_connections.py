"""What applies to connections and requests that are open when a key is revoked or the gateway is reloaded."""

import json
import subprocess

from tests.gateway.answers import CHAT, refused

from inferfleet.gateway import hash_key


def test_key_that_is_revoked_during_an_open_http2_connection_is_refused(gateway):
    """curl sends the second request one second after the first one, on the same connection."""
    url = f"https://127.0.0.1:{gateway.port}{CHAT}"
    command = ["curl", "--silent", "--http2", "--cacert", gateway.folder / "ca.pem", "--rate", "60/m", "--noproxy", "*"]
    command += ["--header", "Authorization: Bearer sk-bob", "--json", json.dumps({"model": "small"})]
    command += ["--output", "/dev/null", "--output", "/dev/null"]
    command += ["--write-out", "%{stderr}%{http_version} %{http_code} %{num_connects}\n"]
    with subprocess.Popen([*command, url, url], stderr=subprocess.PIPE, text=True) as client:
        assert client.stderr.readline() == "2 200 1\n"
        gateway.admin(f"del map {gateway.paths.of('keys')} {hash_key('sk-bob')}")
        try:
            assert client.stderr.readline() == "2 401 0\n"
        finally:
            gateway.admin(f"add map {gateway.paths.of('keys')} {hash_key('sk-bob')} bob")


def test_after_a_reload_a_client_has_its_limit_once_more(gateway):
    """The streams of before run in the previous process, which accepts no further connection."""
    with gateway.streaming("sk-single", "small") as before:
        refused(gateway.chat("small", "single"), 429, "rate_limit_exceeded")
        gateway.reload_and_wait()
        with gateway.streaming("sk-single", "small") as after:
            refused(gateway.chat("small", "single"), 429, "rate_limit_exceeded")
            assert next(before)
            assert next(after)
    gateway.until(lambda: gateway.chat("small", "single").status_code == 200)
