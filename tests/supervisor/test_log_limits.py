"""A container that writes far more than its log may take, with the options that container_runtime sets for Docker."""

import io
import secrets
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.role_variables import render_role
from tests.supervisor.conftest import USR, docker

SIZE, FILES = 64 << 10, 3
LINE = 100
LINES = 20_000  # 2 MB of text, ten times the limit, and more as JSON
PROGRAM = f"for n in range({LINES}): print(f'{{n:0{LINE - 1}d}}')"
PLAN: dict[str, Any] = {"vendor": "cpu", "nodes": {}, "image": "x", "container": {}}
GIVEN = {
    "container_data_root": "/data/docker",
    "registry_mirrors": [],
    "insecure_registries": [],
    "cluster_network": "",
    "__container_runtime_interfaces": {},
    "__container_runtime_vendor": "cpu",
    "container_runtime_log_max_size": f"{SIZE >> 10}k",
    "container_runtime_log_max_file": FILES,
}


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the role writes into daemon.json."""
    name = "__container_runtime_settings"
    rendered = render_role(
        tmp_path_factory.mktemp("role"),
        "container_runtime",
        [name],
        facts={"inferfleet_plan": PLAN},
        variables=GIVEN,
        systems=["debian12"],
    )
    found: dict[str, Any] = rendered["debian12"][name]
    return found


@pytest.fixture
def container(settings: dict[str, Any]) -> Iterator[str]:
    """A container that has written its lines and ended."""
    empty = io.BytesIO()
    tarfile.open(fileobj=empty, mode="w").close()
    name = f"log-test-{secrets.token_hex(3)}"
    docker("import", "-", f"{name}:latest", text=empty.getvalue())
    options = [part for key, value in settings["log-opts"].items() for part in ("--log-opt", f"{key}={value}")]
    try:
        docker("create", "--name", name, "--log-driver", settings["log-driver"], *options, *USR, f"{name}:latest",
               "/usr/bin/python3", "-c", PROGRAM)  # fmt: skip
        docker("start", "--attach", name)
        yield name
    finally:
        docker("rm", "--force", name)
        docker("rmi", f"{name}:latest")


def test_logs_of_a_container_stay_within_their_limit(container: str) -> None:
    newest = Path(docker("inspect", "--format", "{{.LogPath}}", container))
    files = list(newest.parent.glob(f"{newest.name}*"))
    assert len(files) == FILES
    assert SIZE < sum(file.stat().st_size for file in files) <= FILES * (SIZE + 2 * LINE)
    assert int(docker("logs", "--tail", "1", container)) == LINES - 1


def test_documented_limit_is_the_default() -> None:
    root = Path(__file__).parents[2]
    defaults = yaml.safe_load((root / "roles/container_runtime/defaults/main.yml").read_text("utf-8"))
    names = ["container_runtime_log_max_size", "container_runtime_log_max_file"]
    assert [defaults[name] for name in names] == ["100m", 5]
    assert "five files of 100 MB" in (root / "docs/en/cli.md").read_text("utf-8")
