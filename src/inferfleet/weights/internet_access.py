"""The controller's way out and folders, lent to nodes through SSH: an HTTP proxy here, and a file server a folder.

    python -m inferfleet.weights.internet_access --while PID

reads {"commands": {node: ssh command without a forward}, "folders": {name: path}} as JSON from stdin, writes {"ports":
{node: {"": port of the proxy, name: port of the folder's server}}, "failed": {node: why}} as one line when all tunnels
stand or have failed, and goes on until process PID, who wants them, has ended. Nothing listens on any network: the
servers are on the controller's loopback, the ports on the node's, and what is between them is SSH's.
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
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

ANSWER = 30.0
"""Seconds in which a node must have let the tunnel in."""
AGAIN = 5.0
"""Seconds between two attempts to bring a tunnel back that broke."""
_ALLOCATED = re.compile(r"Allocated port (\d+) for remote forward to 127\.0\.0\.1:(\d+)")
_BUFFER = str(2**20)


def forward(command: Sequence[str], ports: Mapping[int, int]) -> list[str]:
    """Return the ssh command with ports of this machine's loopback on the node's: `ports` maps ours to its (0: any)."""
    lent = [word for ours, its in ports.items() for word in ("-R", f"127.0.0.1:{its}:127.0.0.1:{ours}")]
    return [*command[:-1], *lent, command[-1]]


class Tunnel:
    """One node's tunnel, held open until `close`; `ports` maps ours to the node's."""

    def __init__(self, command: Sequence[str], ours: Iterable[int]) -> None:
        self.command, self.ports, self.why = command, dict.fromkeys(ours, 0), ""
        self.known, self.closing = threading.Event(), threading.Event()
        self.process: subprocess.Popen[str] | None = None
        threading.Thread(target=self._hold, daemon=True).start()

    def _hold(self) -> None:
        while not self.closing.is_set():
            line = forward(self.command, self.ports)
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
                self.ports[int(found[2])] = int(found[1])
                if all(self.ports.values()):
                    self.known.set()
        process.wait()
        return said or f"ssh ended with status {process.returncode}"

    def close(self) -> None:
        """End it."""
        self.closing.set()
        if self.process:
            self.process.terminate()


def open_tunnels(
    commands: Mapping[str, Sequence[str]], ours: Iterable[int]
) -> tuple[dict[str, Tunnel], dict[str, str]]:
    """Open one tunnel a node at the same time; return them, and why some do not stand."""
    ours = list(ours)
    tunnels = {node: Tunnel(command, ours) for node, command in commands.items()}
    deadline = time.monotonic() + ANSWER
    for tunnel in tunnels.values():
        if not tunnel.known.wait(max(0.0, deadline - time.monotonic())):
            tunnel.why = f"no answer for {ANSWER:.0f} s"
            tunnel.close()
    return tunnels, {node: tunnel.why for node, tunnel in tunnels.items() if tunnel.why}


def serve(folder: str) -> int:
    """Serve a folder's files on a port of this machine's loopback; return the port."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Files, directory=folder))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server.server_port


class _Files(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: a node reports what it does not get."""


def main() -> None:
    """Serve until the process that wants it has ended."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--while", dest="pid", type=int, required=True)
    wanted = os.pidfd_open(parser.parse_args().pid)
    from proxy import Proxy  # only the controller that lends its way out needs it

    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    asked = json.load(sys.stdin)
    sizes = ["--client-recvbuf-size", _BUFFER, "--server-recvbuf-size", _BUFFER]
    where = ["--hostname", "127.0.0.1", "--port", "0", "--num-acceptors", "1", "--num-workers", "1"]
    with Proxy([*where, *sizes, "--log-level", "ERROR"]) as proxy:
        ours = {int(proxy.flags.port): "", **{serve(path): name for name, path in asked["folders"].items()}}
        tunnels, failed = open_tunnels(asked["commands"], ours)
        try:
            ports = {node: {ours[our]: its for our, its in tunnel.ports.items()} for node, tunnel in tunnels.items()}
            print(json.dumps({"ports": ports, "failed": failed}), flush=True)
            if not failed:
                select.select([wanted], [], [])
        finally:
            for tunnel in tunnels.values():
                tunnel.close()


if __name__ == "__main__":
    main()
