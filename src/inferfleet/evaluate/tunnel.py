"""A tunnel over SSH to the API of an engine, whose port the firewall of its node closes to the controller.

    python -m inferfleet.evaluate.tunnel --while PID --port PORT -- SSH-COMMAND…

writes the local port as one line when the tunnel is open, and keeps it open until process PID has ended.
"""

import argparse
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence

from inferfleet.evaluate.errors import EvaluationError
from inferfleet.messages import N_

CONNECT_TIMEOUT = 30.0
"""Seconds until the node must have accepted the tunnel."""


def forward(command: Sequence[str], local: int, remote: int) -> list[str]:
    """Return the ssh command (with the host last) with a forward of a local port to one of the host's loopback."""
    return [*command[:-1], "-L", f"127.0.0.1:{local}:127.0.0.1:{remote}", command[-1]]


def open_tunnel(command: Sequence[str], remote: int, owner: int) -> int:
    """Open a tunnel to port `remote` until process `owner` has ended; return the local port.

    Raises:
        EvaluationError: the host does not accept it.
    """
    argv = [sys.executable, "-m", __name__, "--while", str(owner), "--port", str(remote), "--", *command]
    process = subprocess.Popen(
        argv,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdout
    assert process.stderr
    if line := process.stdout.readline():
        return int(line)
    raise EvaluationError(
        "tunnel-rejected",
        N_("Host {host} does not accept a tunnel to its engine: {reason}."),
        N_("Allow sign-in by key, and AllowTcpForwarding in its sshd_config."),
        host=command[-1],
        reason=process.stderr.read().strip().rpartition("\n")[2] or "ssh",
    )


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def main() -> None:
    """Keep the tunnel open until the process given by --while, or ssh, has ended."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--while", dest="pid", type=int, required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("command", nargs="+")
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    owner, local = os.pidfd_open(given.pid), _free_port()
    ssh = subprocess.Popen(forward(given.command, local, given.port), stdin=subprocess.DEVNULL)
    try:
        ended = os.pidfd_open(ssh.pid)
        deadline = time.monotonic() + CONNECT_TIMEOUT
        while not _listens(local):
            if select.select([owner, ended], [], [], 0.2)[0] or time.monotonic() > deadline:
                sys.exit(1)
        print(local, flush=True)
        select.select([owner, ended], [], [])
    finally:
        ssh.terminate()


if __name__ == "__main__":
    main()
