"""The processes of a running HAProxy, through its master's socket.

After a reload, the previous worker process still answers requests on connections that it accepted, as long as a stream
runs there. What must apply at once is therefore sent to every worker. "show proc", "@!<pid>", "show map",
"prepare map", "add map" and "commit map": docs.haproxy.org, management guide, sections 9.3 and 9.4; HAProxy 2.4 and
newer.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator

_RECEIVED = 65536


class RefusedError(Exception):
    """HAProxy did not execute a command; the text is its answer."""


def send(path: str, command: str) -> str:
    """Return the answer of the socket `path` to a command."""
    with socket.socket(socket.AF_UNIX) as channel:
        channel.settimeout(10)
        channel.connect(path)
        channel.sendall(f"{command}\n".encode())
        channel.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: channel.recv(_RECEIVED), b"")).decode().strip()


def workers(master: str) -> list[str]:
    """Return the process ids of the workers, the current one first."""
    rows = (line.split() for line in send(master, "show proc").splitlines())
    return [row[0] for row in rows if row[1:2] == ["worker"]]


class Worker:
    """A worker process."""

    def __init__(self, master: str, pid: str) -> None:
        self.master, self.pid = master, pid

    def send(self, command: str) -> str:
        """Return the answer of the process to a command."""
        return send(self.master, f"@!{self.pid} {command}")

    def execute(self, command: str) -> None:
        """Execute a command that answers nothing."""
        answer = self.send(command)
        if answer:
            raise RefusedError(answer)

    def maps(self) -> list[str]:
        """Return the files of its maps; a configuration need not use all that are there."""
        rows = (line.split(" ", 2) for line in self.send("show map").splitlines())
        return sorted(row[1].strip("()") for row in rows if len(row) == 3 and row[2].startswith("pattern loaded"))

    def entries(self, file: str) -> list[str]:
        """Return the entries of a map, `key value` each."""
        answer = self.send(f"show map {file}")
        lines = [line.split(" ", 1) for line in answer.splitlines()]
        if any(len(line) < 2 or not line[0].startswith("0x") for line in lines):
            raise RefusedError(answer)
        return [line[1] for line in lines]

    def replace_map(self, file: str, content: str) -> bool:
        """Replace all entries of a map in one step, and return whether they differed."""
        if sorted(self.entries(file)) == sorted(content.splitlines()):
            return False
        answer = self.send(f"prepare map {file}")
        text, _, version = answer.rpartition(": ")
        if text != "New version created":
            raise RefusedError(answer)
        if content:
            self.execute(f"add map @{version} {file} <<\n{content}")
        self.execute(f"commit map @{version} {file}")
        return True


def running_workers(master: str) -> Iterator[Worker]:
    """Yield the workers, the current one first; none if HAProxy does not run."""
    try:
        pids = workers(master)
    except (FileNotFoundError, ConnectionRefusedError):
        return
    yield from (Worker(master, pid) for pid in pids)
