"""Engine versions with a parser, and their Python packages: installed once per lock file."""

import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from lab import config
from lab.images import build_folder, digest
from lab.problem import LabError
from lab.trees import PLATFORM, PYTHON, install, tree

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Environment:
    """One version of an engine, and the program here that loads its parser."""

    engine: str
    version: str
    program: str

    @property
    def name(self) -> str:
        """Name of its folder in `environments/`."""
        return f"{self.engine}-{self.version}"

    def packages(self) -> Path:
        """Return the folder with its Python packages, installed if missing; raises LabError with the reason."""
        if f"{sys.version_info.major}.{sys.version_info.minor}" != PYTHON:
            raise LabError(f"The packages are for Python {PYTHON}, this is {sys.version.split()[0]}. Use that version.")
        cache = config.load().cache
        cache.joinpath("logs").mkdir(parents=True, exist_ok=True)
        folder = HERE / "environments" / self.name
        if not folder.is_dir():  # the version of the test cluster
            return tree(cache, "engine") / "site-packages"
        lock = folder / "requirements.lock"
        target = cache / "parsers" / f"{self.name}-{digest([lock.read_bytes(), PLATFORM.encode()])}"
        if target.is_dir():
            return target
        with build_folder(cache) as building:
            site = building / "site-packages"
            install(cache, lock, site, cache / "logs" / f"parser-{self.name}.log")
            target.parent.mkdir(exist_ok=True)
            for old in target.parent.glob(f"{self.name}-*"):
                shutil.rmtree(old)
            site.rename(target)
        return target


ENVIRONMENTS = (
    Environment("vllm", "0.33.0", "parse_vllm.py"),
    Environment("vllm", "0.32.0", "parse_vllm.py"),
    Environment("vllm", "0.17.1", "parse_vllm.py"),
    Environment("vllm", "0.8.5.post1", "parse_vllm.py"),
    Environment("sglang", "0.5.23", "parse_sglang.py"),
    Environment("lmdeploy", "0.18.0", "parse_lmdeploy.py"),
)
