"""Python package trees of the images: installed on this machine with its pip settings, slimmed and cached."""

import os
import shutil
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from lab import host
from lab.images import RECIPES, build_folder, digest
from lab.shell import run

PYTHON = "3.11"  # of the images' Debian release
PLATFORM = "x86_64-manylinux_2_36"  # its C library
TORCH_CPU_WHEELS = "https://download.pytorch.org/whl/cpu/torch/"


@dataclass(frozen=True)
class Alias:
    """A second name of a distribution; `local_version` is appended to its version."""

    name: str
    of: str
    local_version: str


@dataclass(frozen=True)
class Recipe:
    """What a tree keeps: console `scripts`, glob patterns to `remove`, shared objects to `strip`."""

    scripts: list[str]
    remove: list[str]
    strip: list[str] = field(default_factory=list)
    alias: Alias | None = None


def load_recipe(name: str) -> Recipe:
    """Read the recipe of an image."""
    content: dict[str, Any] = yaml.safe_load((RECIPES / name / "recipe.yml").read_text())
    alias = content.pop("alias", None)
    return Recipe(**content, alias=Alias(**alias) if alias else None)


def find_links() -> str:
    """Return the location of torch CPU wheels: PIP_FIND_LINKS, or the index of PyTorch."""
    return os.environ.get("PIP_FIND_LINKS") or TORCH_CPU_WHEELS


def uv() -> str:
    """Return the path of uv: the one next to this Python, else the one in PATH."""
    local = Path(sys.executable).with_name("uv")
    return str(local) if local.exists() else "uv"


def install(cache: Path, lock: Path, site: Path, log: Path) -> None:
    """Install exactly the packages of a lock file, for the images' Python and platform, into the folder `site`."""
    run(
        [uv(), "pip", "install", "--target", site, "--no-deps", "--requirements", lock,
         "--python-version", PYTHON, "--python-platform", PLATFORM, "--only-binary", ":all:",
         "--find-links", find_links()],
        log=log,
        env={"UV_CACHE_DIR": str(cache / "uv"), "UV_DEFAULT_INDEX": host.package_index()},
    )  # fmt: skip


def tree(cache: Path, name: str) -> Path:
    """Return the folder with `site-packages/` and `bin/` of an image, created if missing."""
    recipe_folder = RECIPES / name
    lock = recipe_folder / "requirements.lock"
    parts = [lock.read_bytes(), (recipe_folder / "recipe.yml").read_bytes(), PLATFORM.encode()]
    target = cache / "trees" / f"{name}-{digest(parts)}"
    if target.is_dir():
        return target
    with build_folder(cache) as folder:
        site = folder / "tree" / "site-packages"
        install(cache, lock, site, cache / "logs" / f"{name}-packages.log")
        recipe = load_recipe(name)
        keep_scripts(site / "bin", folder / "tree" / "bin", recipe.scripts)
        slim(site, recipe)
        if recipe.alias:
            add_alias(site, recipe.alias)
        target.parent.mkdir(exist_ok=True)
        for old in target.parent.glob(f"{name}-*"):
            shutil.rmtree(old)
        (folder / "tree").rename(target)
    return target


def keep_scripts(source: Path, target: Path, names: list[str]) -> None:
    """Copy console scripts, with the images' Python as their interpreter."""
    target.mkdir()
    for name in names:
        body = (source / name).read_text().split("\n", 1)[1]
        (target / name).write_text(f"#!/usr/bin/python3\n{body}")
        (target / name).chmod(0o755)


def slim(site: Path, recipe: Recipe) -> None:
    """Remove unneeded files and strip symbol tables, in place.

    The files are hard links into uv's cache, so a stripped one replaces the link and leaves the cache alone.
    """
    for pattern in recipe.remove:
        for path in list(site.glob(pattern)):
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)
    for pattern in recipe.strip:
        for path in site.glob(pattern):
            stripped = path.with_suffix(".stripped")
            run(["strip", "--strip-unneeded", "-o", stripped, path])
            stripped.replace(path)


def add_alias(site: Path, alias: Alias) -> None:
    """Register a distribution under a second name, for code that looks up its version."""
    (original,) = site.glob(f"{alias.of.replace('-', '_')}-*.dist-info")
    version = original.name.removesuffix(".dist-info").rsplit("-", 1)[1]
    folder = site / f"{alias.name}-{version}+{alias.local_version}.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {alias.name}\nVersion: {version}+{alias.local_version}\n"
    )
