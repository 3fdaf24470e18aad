#!/usr/bin/env python3
"""Starts the ranks of one MPI world in the containers of several nodes, without an SSH server in any of them.

    mpi_launch.py listen ADDRESS PORT          on every node but the head: runs what the head sends
    mpi_launch.py call PORT HOST COMMAND ...   what mpirun on the head starts for each of them (its plm_rsh_agent)

Both show each other that they know the key in the file `key` beside this one (the challenge of
multiprocessing.connection, HMAC) before a command is sent or run. Runs in the engine's image: standard library only.
"""

import contextlib
import subprocess
import sys
import threading
import time
from multiprocessing import AuthenticationError
from multiprocessing.connection import Client, Connection, Listener, answer_challenge, deliver_challenge
from pathlib import Path

WAIT = 600  # seconds for another node's container to come up
LOST = (OSError, EOFError, AuthenticationError)


def key() -> bytes:
    """Return what all nodes of the service know."""
    return Path(__file__).with_name("key").read_bytes().strip()


def run(connection: Connection) -> None:
    """Run one command of whoever knows the key; its output goes where this process's goes, its exit code back."""
    with connection, contextlib.suppress(*LOST):
        deliver_challenge(connection, key())
        answer_challenge(connection, key())
        command = connection.recv_bytes().decode()
        print(f"mpi_launch: {command}", flush=True)
        code = subprocess.run(["/bin/sh", "-c", command], stdin=subprocess.DEVNULL, check=False).returncode
        connection.send_bytes(str(code).encode())


def listen(address: str, port: int) -> None:
    """Serve until the container ends; a caller that says nothing keeps nobody else waiting."""
    with Listener((address, port), backlog=64) as listener:
        print(f"mpi_launch: waiting on {address}:{port}", flush=True)
        while True:
            with contextlib.suppress(*LOST):
                threading.Thread(target=run, args=(listener.accept(),), daemon=True).start()


def call(port: int, host: str, command: str) -> int:
    """Run `command` on `host` and return its exit code.

    Raises SystemExit where the host does not answer within `WAIT`, or does not know the key.
    """
    deadline = time.monotonic() + WAIT
    while True:
        try:
            connection = Client((host, port))
            break
        except OSError as error:
            if time.monotonic() > deadline:
                sys.exit(f"mpi_launch: {host}:{port} does not answer: {error.strerror}")
            time.sleep(1)
    try:
        answer_challenge(connection, key())
        deliver_challenge(connection, key())
        connection.send_bytes(command.encode())
        return int(connection.recv_bytes())
    except AuthenticationError:
        sys.exit(f"mpi_launch: {host}:{port} has another key: deploy all nodes anew")
    except (OSError, EOFError):
        sys.exit(f"mpi_launch: {host}:{port} went away")


def main(arguments: list[str]) -> int:
    """Entry point."""
    if arguments[0] == "listen":
        listen(arguments[1], int(arguments[2]))
    return call(int(arguments[1]), arguments[2], " ".join(arguments[3:]))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
