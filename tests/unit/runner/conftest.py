"""Real runs of small playbooks on this machine, each executed once."""

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from recording import Recorded

from inferfleet.runner.command import Request
from inferfleet.runner.events import Event, Fold
from inferfleet.runner.extra_vars import parse_extra_vars
from inferfleet.runner.run import run
from inferfleet.runner.stages import planned_roles


@pytest.fixture(scope="session")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("runner") / "checkout"
    shutil.copytree(Path(__file__).parent / "playbooks", root)
    return root


@pytest.fixture(scope="session")
def record(checkout: Path) -> Callable[..., Recorded]:
    def make(playbook: str, extra_vars: Sequence[str] = (), **options: Any) -> Recorded:
        request = Request(
            root=checkout,
            playbook=playbook,
            inventory=str(checkout / "hosts.yml"),
            extra_vars=parse_extra_vars(extra_vars, checkout),
            **options,
        )
        events: list[Event] = []
        fold = Fold(planned_roles(checkout / playbook))
        return Recorded(request, events, run(request, fold, events.append, lambda: None))

    return make


@pytest.fixture(scope="session")
def site_run(record: Callable[..., Recorded], checkout: Path) -> Recorded:
    """Return the run of site.yml: changed, rescued, ignored, retried, skipped, failed, cleaned up."""
    return record("site.yml", [f"counters={checkout}"])


@pytest.fixture(scope="session")
def broken_run(record: Callable[..., Recorded]) -> Recorded:
    """Return the run of a playbook that Ansible cannot parse."""
    return record("playbooks/broken.yml")
