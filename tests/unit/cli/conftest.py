"""Fixtures that run the command in the demo checkout."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from done import Done
from typer.testing import CliRunner

from inferfleet.cli import app
from inferfleet.messages import use_language
from inferfleet.runner.events import Event


@pytest.fixture(scope="session")
def inferfleet(demo: Path) -> Callable[..., Done]:
    """Return the command, run in the demo checkout without a terminal."""

    def call(*arguments: str, cwd: Path = demo) -> Done:
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(cwd)
            patch.setenv("NO_COLOR", "1")
            patch.delenv("FORCE_COLOR", raising=False)
            patch.delenv("INFERFLEET_HOME", raising=False)
            ended = CliRunner().invoke(app, list(arguments), prog_name="inferfleet")
        use_language("en")
        if ended.exception and not isinstance(ended.exception, SystemExit):
            raise ended.exception
        return Done(ended.exit_code, ended.stdout, ended.stderr)

    return call


@pytest.fixture(scope="session")
def failed_run(inferfleet: Callable[..., Done], tmp_path_factory: pytest.TempPathFactory) -> Done:
    """Return a run whose engine fails on node1, with all its reports."""
    folder = tmp_path_factory.mktemp("failed")
    options = ["--json", "--junit", str(folder / "report.xml"), "-e", f"demo_fail=task demo_state={folder}"]
    return inferfleet("up", "-i", "inventories/demo", *options)


@pytest.fixture(scope="session")
def failed_events(failed_run: Done) -> list[Event]:
    """Return the events of that run, as they were recorded."""
    folder = Path(json.loads(failed_run.stdout)["log"]).parent / "job_events"
    return sorted((json.loads(path.read_text()) for path in folder.glob("*.json")), key=lambda e: e["counter"])
