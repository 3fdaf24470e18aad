#!/usr/bin/env python3
"""Start the ranks of an MPI world in containers on several nodes, without an SSH server in the containers.

    mpi_launch.py listen ADDRESS PORT          on every worker node: runs the commands that the head node sends
    mpi_launch.py call PORT HOST COMMAND ...   started by mpirun on the head node for each worker (its plm_rsh_agent)

Both sides authenticate with the key in the file `key` next to this one (HMAC challenge of multiprocessing.connection)
before a command is sent or run. Uses only the standard library, because it runs in the engine image.
"""

import contextlib
import subprocess
import sys
import threading
import time
from multiprocessing import AuthenticationError
from multiprocessing.connection import Client, Connection, Listener, answer_challenge, deliver_challenge
from pathlib import Path

WAIT = 600  # seconds to wait for the container of another node
LOST = (OSError, EOFError, AuthenticationError)


def key() -> bytes:
    """Return the key shared by all nodes of the service."""
    return Path(__file__).with_name("key").read_bytes().strip()


def run(connection: Connection) -> None:
    """Run one command of an authenticated client with this process's output, and send back its exit code."""
    with connection, contextlib.suppress(*LOST):
        deliver_challenge(connection, key())
        answer_challenge(connection, key())
        command = connection.recv_bytes().decode()
        print(f"mpi_launch: {command}", flush=True)
        code = subprocess.run(["/bin/sh", "-c", command], stdin=subprocess.DEVNULL, check=False).returncode
        connection.send_bytes(str(code).encode())


def listen(address: str, port: int) -> None:
    """Serve until the container exits, each client in a thread, so that a silent client blocks no other."""
    with Listener((address, port), backlog=64) as listener:
        print(f"mpi_launch: waiting on {address}:{port}", flush=True)
        while True:
            with contextlib.suppress(*LOST):
                threading.Thread(target=run, args=(listener.accept(),), daemon=True).start()


def call(port: int, host: str, command: str) -> int:
    """Run `command` on `host` and return its exit code.

    Raises SystemExit if the host does not respond within `WAIT` seconds or has another key.
    """
    deadline = time.monotonic() + WAIT
    while True:
        try:
            connection = Client((host, port))
            break
        except OSError as error:
            if time.monotonic() > deadline:
                sys.exit(f"mpi_launch: {host}:{port} does not respond: {error.strerror}")
            time.sleep(1)
    try:
        answer_challenge(connection, key())
        deliver_challenge(connection, key())
        connection.send_bytes(command.encode())
        return int(connection.recv_bytes())
    except AuthenticationError:
        sys.exit(f"mpi_launch: {host}:{port} has another key: deploy all nodes again")
    except (OSError, EOFError):
        sys.exit(f"mpi_launch: {host}:{port} closed the connection")


def main(arguments: list[str]) -> int:
    """Entry point."""
    if arguments[0] == "listen":
        listen(arguments[1], int(arguments[2]))
    return call(int(arguments[1]), arguments[2], " ".join(arguments[3:]))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
