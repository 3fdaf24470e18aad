"""The controller's way out, lent to nodes that have none: an HTTP proxy here, reached through SSH.

    python -m inferfleet.weights.way_out --while PID

reads {node: ssh command without a forward} as JSON from stdin, writes {"ports": {node: port}, "failed": {node: why}}
as one line when all tunnels stand or have failed, and goes on until process PID, who wants them, has ended. A node
uses http://127.0.0.1:port of its own as proxy. Nothing listens on any network: the proxy is on the controller's
loopback, the port on the node's, and what is between them is SSH's.
"""

import argparse
import json
import os
import re
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence

ANSWER = 30.0
"""Seconds in which a node must have let the tunnel in."""
AGAIN = 5.0
"""Seconds between two attempts to bring a tunnel back that broke."""
_ALLOCATED = re.compile(r"Allocated port (\d+) for remote forward")
_BUFFER = str(2**20)


def forward(command: Sequence[str], port: int, to: int) -> list[str]:
    """Return the ssh command with the node's `port` (0: any) forwarded to port `to` of this machine's loopback."""
    return [*command[:-1], "-R", f"127.0.0.1:{port}:127.0.0.1:{to}", command[-1]]


class Tunnel:
    """One node's tunnel, held open until `close`."""

    def __init__(self, command: Sequence[str], proxy_port: int) -> None:
        self.command, self.proxy_port = command, proxy_port
        self.port, self.why = 0, ""
        self.known, self.closing = threading.Event(), threading.Event()
        self.process: subprocess.Popen[str] | None = None
        threading.Thread(target=self._hold, daemon=True).start()

    def _hold(self) -> None:
        while not self.closing.is_set():
            line = forward(self.command, self.port, self.proxy_port)
            self.process = subprocess.Popen(
                line, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
            )
            said = self._listen(self.process)
            if not self.known.is_set():
                self.why = said
                self.known.set()
                return
            self.closing.wait(AGAIN)  # the node keeps its port, so that what runs there finds it again

    def _listen(self, process: "subprocess.Popen[str]") -> str:
        """Read what ssh says until it ends; return its last line."""
        said = ""
        assert process.stderr
        for line in process.stderr:
            said = line.strip() or said
            if not self.known.is_set() and (found := _ALLOCATED.search(line)):
                self.port = int(found[1])
                self.known.set()
        process.wait()
        return said or f"ssh ended with status {process.returncode}"

    def close(self) -> None:
        """End it."""
        self.closing.set()
        if self.process:
            self.process.terminate()


def open_tunnels(commands: Mapping[str, Sequence[str]], proxy_port: int) -> tuple[dict[str, Tunnel], dict[str, str]]:
    """Open one tunnel a node at the same time; return them, and why some do not stand."""
    tunnels = {node: Tunnel(command, proxy_port) for node, command in commands.items()}
    deadline = time.monotonic() + ANSWER
    for tunnel in tunnels.values():
        if not tunnel.known.wait(max(0.0, deadline - time.monotonic())):
            tunnel.why = f"no answer for {ANSWER:.0f} s"
            tunnel.close()
    return tunnels, {node: tunnel.why for node, tunnel in tunnels.items() if not tunnel.port}


def main() -> None:
    """Serve until the process that wants it has ended."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--while", dest="pid", type=int, required=True)
    wanted = os.pidfd_open(parser.parse_args().pid)
    from proxy import Proxy  # only the controller that lends its way out needs it

    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    commands = json.load(sys.stdin)
    sizes = ["--client-recvbuf-size", _BUFFER, "--server-recvbuf-size", _BUFFER]
    where = ["--hostname", "127.0.0.1", "--port", "0", "--num-acceptors", "1", "--num-workers", "1"]
    with Proxy([*where, *sizes, "--log-level", "ERROR"]) as proxy:
        tunnels, failed = open_tunnels(commands, proxy.flags.port)
        try:
            ports = {node: tunnel.port for node, tunnel in tunnels.items() if tunnel.port}
            print(json.dumps({"ports": ports, "failed": failed}), flush=True)
            if not failed:
                select.select([wanted], [], [])
        finally:
            for tunnel in tunnels.values():
                tunnel.close()


if __name__ == "__main__":
    main()
