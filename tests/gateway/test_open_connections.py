"""What applies to connections and requests that are open when a key is revoked or the gateway is reloaded."""

import os
import subprocess

from tests.gateway.answers import CHAT, refused

from inferfleet.gateway import hash_key


def test_key_that_is_revoked_during_an_open_http2_connection_is_refused(gateway, tmp_path):
    """curl opens a pipe, and waits there, when it begins the second request."""
    os.mkfifo(body := tmp_path / "body")
    url = f"https://127.0.0.1:{gateway.port}{CHAT}"
    shared = ["--silent", "--http2", "--cacert", gateway.folder / "ca.pem", "--header", "Authorization: Bearer sk-bob"]
    shared += ["--output", "/dev/null", "--write-out", "%{stderr}%{http_version} %{http_code} %{num_connects}\n"]
    command = ["curl", *shared, "--json", '{"model": "small"}', url]
    command += ["--next", *shared, "--request", "POST", "--upload-file", body, url]
    before, received = len(gateway.requests()), len(gateway.engines["n3"].requests)
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as client:
        assert client.stderr.readline() == "2 200 1\n"
        gateway.admin(f"del map {gateway.paths.of('keys')} {hash_key('sk-bob')}")
        try:
            body.write_text('{"model": "small"}')
            # HAProxy resets a stream that it refuses before its end; curl 7.88 then may not show the status.
            assert client.stderr.readline() in ("2 401 0\n", "0 000 0\n")
        finally:
            gateway.admin(f"add map {gateway.paths.of('keys')} {hash_key('sk-bob')} bob")
    gateway.until(lambda: 401 in [line["status"] for line in gateway.requests()[before:]])
    assert len(gateway.engines["n3"].requests) == received + 1


def test_limit_after_a_reload_counts_later_requests_only(gateway):
    """The streams of before run in the previous process, which accepts no further connection."""
    with gateway.streaming("sk-single", "small") as before:
        refused(gateway.chat("small", "single"), 429, "rate_limit_exceeded")
        gateway.reload_and_wait()
        with gateway.streaming("sk-single", "small") as after:
            refused(gateway.chat("small", "single"), 429, "rate_limit_exceeded")
            assert next(before)
            assert next(after)
    gateway.until(lambda: gateway.chat("small", "single").status_code == 200)
