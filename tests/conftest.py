"""Node-side code where Ansible would have put it, how many examples property tests try, and a port that nobody may use.

Few examples while one works, many in `make test`.
"""

import os
import socket
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import ansible.module_utils
import pytest
import typer.testing
from hypothesis import settings

ROOT = Path(__file__).parents[1]
os.environ["ANSIBLE_CONFIG"] = str(
    ROOT / "ansible.cfg"
)  # Ansible reads it once per process, whatever a test's folder is
ansible.module_utils.__path__.append(str(ROOT / "plugins" / "module_utils"))

typer.testing._get_command = cache(typer.testing._get_command)  # CliRunner would build all commands for each call

settings.register_profile("quick", max_examples=25, deadline=None)
settings.register_profile("thorough", max_examples=200, deadline=None)
settings.load_profile("quick")


@pytest.fixture(scope="session")
def listener() -> Iterator[socket.socket]:
    """Stand where the nodes' SSH servers would: whoever contacts a node, contacts this."""
    with socket.create_server(("0.0.0.0", 0)) as server:
        server.setblocking(False)
        yield server


@pytest.fixture
def nobody_came(listener: socket.socket) -> Callable[[], None]:
    """Assert that no node was contacted."""

    def check() -> None:
        with pytest.raises(BlockingIOError):
            listener.accept()

    return check
