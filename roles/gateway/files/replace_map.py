"""Replace a map of the running HAProxy by the content of its file, in one step: a revoked key is refused at once.

Arguments: the socket of the runtime API and the file. "prepare map", "add map" and "commit map" of a version:
docs.haproxy.org, management guide, section 9.3; HAProxy 2.4 and newer.
"""

import socket
import sys
from pathlib import Path


def send(path, command):
    """Return the answer of the runtime API."""
    with socket.socket(socket.AF_UNIX) as channel:
        channel.connect(path)
        channel.sendall(command.encode())
        channel.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: channel.recv(65536), b"")).decode().strip()


def main(path, file):
    """Replace the map; exit with HAProxy's message if it refuses."""
    answer = send(path, f"prepare map {file}\n")
    text, _, version = answer.rpartition(": ")
    if text != "New version created":
        sys.exit(answer)
    entries = Path(file).read_text("utf-8")
    commands = [f"add map @{version} {file} <<\n{entries}\n"] if entries else []
    for command in [*commands, f"commit map @{version} {file}\n"]:
        refused = send(path, command)
        if refused:
            sys.exit(refused)


if __name__ == "__main__":
    main(*sys.argv[1:])
