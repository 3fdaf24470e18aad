"""The CUDA engine's image as a Docker archive, built without a registry and without Docker.

A machine without internet access has the parts: its own user land with Python, an installed PyTorch, and the wheels of
the engine that the bundle contains. Each becomes a layer.
"""

import configparser
import hashlib
import io
import json
import os
import shutil
import stat
import subprocess
import tarfile
import zipfile
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

import yaml

from lab.images import RECIPES
from lab.problem import LabError

ENGINE_VERSION = "0.24.0"
ENGINE_IMAGE = f"inferfleet/vllm-cuda:{ENGINE_VERSION}"
RECIPE = RECIPES / "engine_nvidia"
CHUNK = 4 << 20  # bytes read at a time
# Python of Debian and Ubuntu imports from both, in this order (site.py of their packages).
OVERLAY = "usr/local/lib/python{python}/dist-packages"
PACKAGES = "usr/lib/python3/dist-packages"


@dataclass(frozen=True)
class Recipe:
    """Content of recipe.yml: patterns of tar for `user_land` and `packages`, console `scripts`, variables, folders."""

    python: str
    user_land: list[str]
    user_land_exclude: list[str]
    packages_exclude: list[str]
    scripts: list[str]
    env: dict[str, str]
    folders: dict[str, str] = field(default_factory=dict)


def load_recipe() -> Recipe:
    """Read the recipe of the engine image."""
    return Recipe(**yaml.safe_load((RECIPE / "recipe.yml").read_text()))


def torch_packages(root: Path, python: str) -> Path:
    """Return the folder of the installed packages that contain PyTorch below `root`; raises LabError if none does."""
    patterns = (f"opt/*/.venv/lib/python{python}/site-packages", f"opt/*/lib/python{python}/site-packages")
    for pattern in (*patterns, OVERLAY.format(python=python), PACKAGES):
        for folder in sorted(root.glob(pattern)):
            if (folder / "torch" / "version.py").is_file():
                return folder
    raise LabError(f"No PyTorch for Python {python} is installed below {root}. Install it, or set LAB_ENGINE_ROOT.")


def unpack_wheel(wheel: Path, target: Path) -> None:
    """Install the files of a wheel into `target` (see the specification of the wheel format); scripts are omitted."""
    with zipfile.ZipFile(wheel) as archive:
        for member in archive.infolist():
            name = None if member.is_dir() else installed_name(member.filename)
            if name is None:
                continue
            file = target / name
            file.parent.mkdir(parents=True, exist_ok=True)
            with archive.open(member) as source, file.open("wb") as destination:
                shutil.copyfileobj(source, destination, CHUNK)
            file.chmod(stat.S_IMODE(member.external_attr >> 16) or 0o644)


def installed_name(name: str) -> str | None:
    """Return the path of a wheel's file in the folder of packages; None if it belongs elsewhere."""
    parts = PurePosixPath(name).parts
    if not parts[0].endswith(".data"):
        return name
    return str(PurePosixPath(*parts[2:])) if parts[1] in ("purelib", "platlib") else None


def console_script(packages: Path, name: str) -> str:
    """Return the content of a console script of an installed package; raises LabError if none declares it."""
    for file in sorted(packages.glob("*.dist-info/entry_points.txt")):
        parser = configparser.ConfigParser(delimiters=("=",), interpolation=None)
        parser.optionxform = str  # type: ignore[assignment, method-assign]
        parser.read_string(file.read_text())
        if target := parser.get("console_scripts", name, fallback=None):
            module, _, function = target.split("[")[0].strip().partition(":")
            # The condition is needed: a process that the engine spawns imports the script again.
            return (
                f"#!/usr/bin/python3\nimport sys\n\nfrom {module} import {function.split('.')[0]}\n\n"
                f'if __name__ == "__main__":\n    sys.exit({function}())\n'
            )
    raise LabError(f"No package below {packages} has the command {name}.")


def overlay(wheels: Sequence[Path], recipe: Recipe, folder: Path) -> Path:
    """Install the wheels and their console scripts below `folder`, with the image's empty folders; return it."""
    packages = folder / OVERLAY.format(python=recipe.python)
    with ThreadPoolExecutor() as pool:
        list(pool.map(lambda wheel: unpack_wheel(wheel, packages), wheels))
    scripts = folder / "usr/local/bin"
    scripts.mkdir(parents=True, exist_ok=True)
    for name in recipe.scripts:
        (scripts / name).write_text(console_script(packages, name))
        (scripts / name).chmod(0o755)
    for name, mode in recipe.folders.items():
        (folder / name).mkdir(parents=True, exist_ok=True)
        (folder / name).chmod(int(mode, 8))
    return folder


def compile_command(root: Path, python: str, folder: Path) -> list[str]:
    """Return the command that compiles the modules in `folder` with the Python below `root`, also if it is not `/`."""
    libraries = root / "usr" / "lib" / "x86_64-linux-gnu"
    loader = libraries / "ld-linux-x86-64.so.2"  # not /lib64/…: a link, which may be absolute
    interpreter = [str(loader), "--library-path", str(libraries), str(root / "usr" / "bin" / f"python{python}")]
    # Not by time stamps: a layer may be unpacked with others.
    return [*interpreter, "-m", "compileall", "-q", "-j0", "--invalidation-mode=unchecked-hash", str(folder)]


def compiled(folder: Path, root: Path, python: str) -> Path:
    """Compile the modules below `folder`, so that not every container does it; return `folder`.

    A few files of packages are templates, which cannot be compiled.
    """
    environment = {**os.environ, "PYTHONHOME": str(root / "usr")}
    subprocess.run(compile_command(root, python, folder), env=environment, capture_output=True, check=False)
    return folder


def layer(argv: Sequence[str], target: Path) -> str:
    """Write the output of a tar command to `target`; return its SHA-256. Raises LabError if the command fails."""
    total = hashlib.sha256()
    with subprocess.Popen(argv, stdout=subprocess.PIPE) as process, target.open("wb") as file:
        assert process.stdout is not None
        while chunk := process.stdout.read(CHUNK):
            total.update(chunk)
            file.write(chunk)
    if process.returncode > 1:  # 1: a file changed while it was read (tar's manual, "Return codes")
        raise LabError(f"{' '.join(argv[:3])} failed ({process.returncode}).")
    return total.hexdigest()


def tar_command(folder: Path, paths: Sequence[str], exclude: Sequence[str] = (), below: str = "") -> list[str]:
    """Return the tar command that archives `paths` of `folder`, in the archive stored in the folder `below`."""
    argv = ["tar", "--create", "--numeric-owner", "--owner=0", "--group=0", f"--directory={folder}"]
    argv += [f"--exclude={pattern}" for pattern in exclude]
    argv += [f"--transform=flags=rSh;s,^\\.,{below},"] if below else []
    return [*argv, "--", *paths]


def image_config(layers: Sequence[str], env: Mapping[str, str]) -> dict[str, Any]:
    """Return the configuration of the image; it starts like the official vLLM image."""
    return {
        "architecture": "amd64",
        "os": "linux",
        "config": {"Env": [f"{name}={value}" for name, value in env.items()], "Entrypoint": ["vllm", "serve"]},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}" for digest in layers]},
        "history": [],
    }


def write_archive(target: Path, name: str, layers: Mapping[str, Path], env: Mapping[str, str]) -> None:
    """Write the Docker archive of the image `name`; `layers` maps SHA-256 to file, lowest layer first."""
    config = json.dumps(image_config(list(layers), env)).encode()
    config_name = f"{hashlib.sha256(config).hexdigest()}.json"
    manifest = [{"Config": config_name, "RepoTags": [name], "Layers": [f"{digest}/layer.tar" for digest in layers]}]
    with tarfile.open(target, "w") as archive:
        for digest, file in layers.items():
            archive.add(file, f"{digest}/layer.tar", recursive=False)
        for member, content in ((config_name, config), ("manifest.json", json.dumps(manifest).encode())):
            entry = tarfile.TarInfo(member)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))


def build(root: Path, wheels: Path, folder: Path) -> Path:
    """Build the engine image from the user land below `root` and the `wheels`; return its archive in `folder`.

    Raises LabError if a part is missing.
    """
    recipe = load_recipe()
    files = sorted(wheels.glob("*.whl"))
    if not any(file.name.startswith(f"vllm-{ENGINE_VERSION}") for file in files):
        raise LabError(f"{wheels} contains no wheel of vLLM {ENGINE_VERSION}. `python -m lab wheels` downloads them.")
    packages = torch_packages(root, recipe.python)
    shutil.rmtree(folder, ignore_errors=True)  # of an interrupted run
    folder.mkdir(parents=True)
    user_land = [path for path in recipe.user_land if (root / path).exists()]
    with ThreadPoolExecutor() as pool:
        engine = pool.submit(lambda: compiled(overlay(files, recipe, folder / "overlay"), root, recipe.python))
        commands = [
            tar_command(root, user_land, recipe.user_land_exclude),
            tar_command(packages, ["."], recipe.packages_exclude, PACKAGES),
        ]
        parts = [pool.submit(layer, argv, folder / f"layer{number}.tar") for number, argv in enumerate(commands)]
        parts.append(pool.submit(layer, tar_command(engine.result(), ["."]), folder / f"layer{len(parts)}.tar"))
        layers = {part.result(): folder / f"layer{number}.tar" for number, part in enumerate(parts)}
    archive = folder / "engine.tar"
    write_archive(archive, ENGINE_IMAGE, layers, recipe.env)
    for path in layers.values():
        path.unlink()
    shutil.rmtree(folder / "overlay")
    return archive
