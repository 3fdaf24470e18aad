"""Reverse tunnels over SSH that give nodes the controller's internet access (an HTTP proxy) and its folders (HTTP).

    python -m inferfleet.weights.internet_access --while PID

reads {"commands": {node: ssh command without a forward}, "folders": {name: path}} as JSON from stdin, writes {"ports":
{node: {"": port of the proxy, name: port of the folder's server}}, "failed": {node: message}} as one line once each
tunnel is open or has failed, and runs until process PID has ended. Nothing listens on a network: the servers bind to
the controller's loopback, the forwarded ports to the node's, and SSH carries the traffic.
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
from typing import Any

from inferfleet.messages import N_, Message
from inferfleet.messages.message import plain

CONNECT_TIMEOUT = 30.0
"""Seconds until a node must have accepted the tunnel."""
RECONNECT_DELAY = 5.0
"""Seconds between two attempts to reopen a broken tunnel."""
_ALLOCATED = re.compile(r"Allocated port (\d+) for remote forward to 127\.0\.0\.1:(\d+)")
_BUFFER = str(2**20)


def forward(command: Sequence[str], ports: Mapping[int, int]) -> list[str]:
    """Return the ssh command with reverse forwards: `ports` maps local ports to the node's (0: any)."""
    forwards = [word for local, its in ports.items() for word in ("-R", f"127.0.0.1:{its}:127.0.0.1:{local}")]
    return [*command[:-1], *forwards, command[-1]]


class Tunnel:
    """The tunnel of one node, kept open until `close`; `ports` maps local ports to the node's."""

    def __init__(self, command: Sequence[str], local_ports: Iterable[int]) -> None:
        self.command, self.ports = command, dict.fromkeys(local_ports, 0)
        self.reason: Message | None = None
        self.decided, self.closing = threading.Event(), threading.Event()
        self.process: subprocess.Popen[str] | None = None
        threading.Thread(target=self._keep_open, daemon=True).start()

    def _keep_open(self) -> None:
        while not self.closing.is_set():
            line = forward(self.command, self.ports)
            self.process = subprocess.Popen(
                line, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
            )
            last_line = self._watch(self.process)
            if not self.decided.is_set():
                self.reason = last_line
                self.decided.set()
                return
            self.closing.wait(RECONNECT_DELAY)  # the node keeps its port, so that its clients can reconnect

    def _watch(self, process: "subprocess.Popen[str]") -> Message:
        """Read ssh's messages until it exits; return the last line."""
        last_line = ""
        assert process.stderr
        for line in process.stderr:
            last_line = line.strip() or last_line
            if not self.decided.is_set() and (found := _ALLOCATED.search(line)):
                self.ports[int(found[2])] = int(found[1])
                if all(self.ports.values()):
                    self.decided.set()
        process.wait()
        if last_line:
            return Message("", "{line}", line=last_line)
        return Message("", N_("ssh exited with code {code}"), code=process.returncode)

    def close(self) -> None:
        """Close the tunnel."""
        self.closing.set()
        if self.process:
            self.process.terminate()


def open_tunnels(
    commands: Mapping[str, Sequence[str]], local_ports: Iterable[int]
) -> tuple[dict[str, Tunnel], dict[str, Any]]:
    """Open a tunnel to each node in parallel; return the tunnels, and the reason of each that failed as JSON."""
    local_ports = list(local_ports)
    tunnels = {node: Tunnel(command, local_ports) for node, command in commands.items()}
    deadline = time.monotonic() + CONNECT_TIMEOUT
    for tunnel in tunnels.values():
        if not tunnel.decided.wait(max(0.0, deadline - time.monotonic())):
            tunnel.reason = Message("", N_("no response within {seconds} s"), seconds=f"{CONNECT_TIMEOUT:.0f}")
            tunnel.close()
    return tunnels, {node: plain(tunnel.reason) for node, tunnel in tunnels.items() if tunnel.reason}


def serve(folder: str) -> int:
    """Serve a folder's files over HTTP on the loopback interface; return the port."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Files, directory=folder))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server.server_port


class _Files(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """Log nothing: nodes report failed requests themselves."""


def main() -> None:
    """Serve until the process given by --while has ended."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--while", dest="pid", type=int, required=True)
    user = os.pidfd_open(parser.parse_args().pid)
    from proxy import Proxy  # only a controller that tunnels internet access needs it

    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    request = json.load(sys.stdin)
    sizes = ["--client-recvbuf-size", _BUFFER, "--server-recvbuf-size", _BUFFER]
    options = ["--hostname", "127.0.0.1", "--port", "0", "--num-acceptors", "1", "--num-workers", "1"]
    with Proxy([*options, *sizes, "--log-level", "ERROR"]) as proxy:
        services = {int(proxy.flags.port): "", **{serve(path): name for name, path in request["folders"].items()}}
        tunnels, failed = open_tunnels(request["commands"], services)
        try:
            ports = {
                node: {services[local]: its for local, its in tunnel.ports.items()} for node, tunnel in tunnels.items()
            }
            print(json.dumps({"ports": ports, "failed": failed}), flush=True)
            if not failed:
                select.select([user], [], [])
        finally:
            for tunnel in tunnels.values():
                tunnel.close()


if __name__ == "__main__":
    main()
