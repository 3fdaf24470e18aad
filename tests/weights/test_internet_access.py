"""Tunnels for internet access through the controller: ssh command line and failed tunnels."""

import json
import os
import socket
import subprocess
import sys

from inferfleet.weights.internet_access import forward


def test_forwards_precede_the_host():
    forwards = ["-R", "127.0.0.1:0:127.0.0.1:3128", "-R", "127.0.0.1:40001:127.0.0.1:8000"]
    assert forward(["ssh", "-N", "node1"], {3128: 0, 8000: 40001}) == ["ssh", "-N", *forwards, "node1"]


def test_unreachable_node_is_reported_and_the_process_ends():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    command = ["ssh", "-N", "-o", "BatchMode=yes", "-p", str(port), "127.0.0.1"]
    done = subprocess.run(
        [sys.executable, "-m", "inferfleet.weights.internet_access", "--while", str(os.getpid())],
        input=json.dumps({"commands": {"node1": command}, "folders": {}}),
        capture_output=True,
        text=True,
        timeout=60,
    )
    answer = json.loads(done.stdout)
    assert answer["failed"]["node1"]["parameters"]["line"].endswith("Connection refused")
