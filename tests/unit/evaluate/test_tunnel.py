"""The tunnel to an engine: its command line, and a host that does not accept it."""

import os
import sys

import pytest

from inferfleet.evaluate import EvaluationError
from inferfleet.evaluate.tunnel import forward, open_tunnel

SSH = ["ssh", "-N", "-T", "-p", "2222", "n1"]


def test_only_loopback_addresses_are_forwarded():
    assert forward(SSH, 40000, 8000) == [*SSH[:-1], "-L", "127.0.0.1:40000:127.0.0.1:8000", "n1"]


def test_reason_of_a_rejected_tunnel_is_reported():
    # Real ssh, to a port on which nothing listens.
    command = ["ssh", "-N", "-T", "-o", "BatchMode=yes", "-p", "1", "127.0.0.1"]
    with pytest.raises(EvaluationError) as error:
        open_tunnel(command, 8000, os.getpid())
    assert error.value.problem.code == "tunnel-rejected"
    assert "refused" in str(error.value.problem.parameters["reason"])


def test_tunnel_is_open_when_its_port_is_returned(tmp_path):
    # In place of ssh: listens on the forwarded port until it is stopped.
    program = tmp_path / "ssh.py"
    program.write_text(
        "import socket, sys, time\n"
        "port = int(sys.argv[sys.argv.index('-L') + 1].split(':')[1])\n"
        "listener = socket.create_server(('127.0.0.1', port))\n"
        "while True: time.sleep(1)\n"
    )
    owner = os.fork()
    if not owner:
        os.execv(sys.executable, [sys.executable, "-c", "import time; time.sleep(60)"])
    try:
        assert open_tunnel([sys.executable, str(program), "n1"], 8000, owner) > 0
    finally:
        os.kill(owner, 15)
        os.waitpid(owner, 0)
