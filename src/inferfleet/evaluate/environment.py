"""Virtual environment for EvalScope on the controller: created once per lock file in the user's cache."""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from inferfleet.evaluate.errors import EvaluationError
from inferfleet.messages import N_

LOCK = Path(__file__).with_name("requirements.lock")


def version(lock: Path = LOCK) -> str:
    """Return the version of EvalScope that the lock file pins."""
    lines = lock.read_text("utf-8").splitlines()
    return next(line.partition("==")[2] for line in lines if line.startswith("evalscope=="))


def environment_folder(lock: Path = LOCK, env: Mapping[str, str] = os.environ) -> Path:
    """Return the folder of the environment, named by the version and a hash of its inputs."""
    cache = Path(env.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    python = f"{sys.version_info.major}.{sys.version_info.minor} {sys.platform} {os.uname().machine}"
    digest = hashlib.sha256(lock.read_bytes() + python.encode()).hexdigest()[:12]
    return cache / "inferfleet" / f"evalscope-{version(lock)}-{digest}"


def python_of(folder: Path) -> Path:
    """Return the environment's Python."""
    return folder / "bin" / "python"


def create_environment(lock: Path = LOCK, wheels: Path | None = None) -> tuple[Path, bool]:
    """Return the environment's Python, and whether it was created by this call.

    `wheels` is a folder of wheels that replaces the package index. Concurrent calls create one environment.

    Raises:
        EvaluationError: a package cannot be installed.
    """
    folder = environment_folder(lock)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with (folder.parent / "evalscope.lock").open("w") as guard:
        fcntl.flock(guard, fcntl.LOCK_EX)
        if folder.is_dir():
            return python_of(folder), False
        # It can be renamed: only its scripts contain its path, and none of them is used.
        building = folder.with_name(f"{folder.name}.part")
        shutil.rmtree(building, ignore_errors=True)
        _run([sys.executable, "-m", "venv", building], {})
        _run(*_install(building, lock, wheels, os.environ))
        building.rename(folder)
    return python_of(folder), True


def _install(
    folder: Path, lock: Path, wheels: Path | None, env: Mapping[str, str]
) -> tuple[list[str | Path], dict[str, str]]:
    """Return the command that installs exactly the packages of the lock file, and extra environment variables.

    Use uv if available (ten times as fast), with the index configured for pip.
    """
    python = python_of(folder)
    uv = shutil.which("uv", path=os.pathsep.join([str(Path(sys.executable).parent), env.get("PATH", os.defpath)]))
    source: list[str | Path] = ["--no-index", "--find-links", wheels] if wheels else []
    if uv is None:
        quiet = ["--quiet", "--disable-pip-version-check"]
        return [python, "-m", "pip", "install", *quiet, "--no-deps", *source, "--requirement", lock], {}
    index = env.get("UV_DEFAULT_INDEX") or env.get("PIP_INDEX_URL") or _pip_index(python)
    added = {"UV_DEFAULT_INDEX": index} if index else {}
    return [uv, "pip", "install", "--quiet", "--python", python, "--no-deps", *source, "--requirement", lock], added


def _pip_index(python: Path) -> str:
    """Return the index in pip's configuration files, empty if none is set."""
    argv = [str(python), "-m", "pip", "config", "get", "global.index-url"]
    return subprocess.run(argv, capture_output=True, text=True, check=False).stdout.strip()


def _run(argv: list[str | Path], added: Mapping[str, str]) -> None:
    env = {**os.environ, **added}
    done = subprocess.run(argv, capture_output=True, text=True, errors="replace", env=env, check=False)
    if done.returncode:
        output = (done.stderr or done.stdout).strip().splitlines() or [f"exit code {done.returncode}"]
        raise EvaluationError(
            "no-evalscope",
            N_("EvalScope {version} could not be installed on the controller: {reason}"),
            N_(
                "Configure a reachable package index (PIP_INDEX_URL), or set evaluate_wheels to a folder with the"
                " wheels."
            ),
            version=version(),
            reason=output[-1],
        )
