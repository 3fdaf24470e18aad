"""Wheels of the CUDA engine, downloaded for a machine without internet access that has PyTorch already."""

import sys
from pathlib import Path

from lab import host
from lab.engine_archive import RECIPE, load_recipe
from lab.shell import run

GLIBC = range(5, 40)  # minor versions up to that of Ubuntu 24.04; pip compares platform tags exactly


def platforms() -> list[str]:
    """Return the platform tags of wheels that run on Ubuntu 24.04."""
    old = ("manylinux1_x86_64", "manylinux2010_x86_64", "manylinux2014_x86_64", "linux_x86_64", "any")
    return [*(f"manylinux_2_{minor}_x86_64" for minor in GLIBC), *old]


def command(folder: Path, python: str, index: str) -> list[str]:
    """Return the pip command that downloads exactly the packages of the lock file for the image's Python."""
    return [
        sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:",
        f"--index-url={index}", f"--python-version={python}", "--implementation=cp",
        *(f"--abi={abi}" for abi in (f"cp{python.replace('.', '')}", "abi3", "none")),
        *(f"--platform={tag}" for tag in platforms()),
        f"--dest={folder}", f"--requirement={RECIPE / 'requirements.lock'}",
    ]  # fmt: skip


def download(folder: Path) -> int:
    """Download the wheels into `folder`; return their number."""
    folder.mkdir(parents=True, exist_ok=True)
    run(command(folder, load_recipe().python, host.package_index()))
    return len(list(folder.glob("*.whl")))
