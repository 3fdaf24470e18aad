"""The image of the CUDA engine as a Docker archive, from small folders and wheels."""

import json
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest
from lab import engine_archive, engine_wheels
from lab.problem import LabError

from inferfleet.bundle.index import add_image, archived_image, make_index

VERSION = engine_archive.ENGINE_VERSION


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return a user land with a PyTorch for the Python of the recipe."""
    python = engine_archive.load_recipe().python
    packages = tmp_path / "root" / f"opt/torch/.venv/lib/python{python}/site-packages"
    for name in ("torch/version.py", "jaxlib/big.so", "site.pth", "six.py"):
        (packages / name).parent.mkdir(parents=True, exist_ok=True)
        (packages / name).write_text("")
    for name in ("usr/bin/python3", "usr/local/cuda-13.0/bin/nvcc", "etc/passwd", "var/log/syslog"):
        (tmp_path / "root" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "root" / name).write_text("")
    loader = tmp_path / "root" / "usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2"
    loader.parent.mkdir(parents=True)
    loader.write_text("#!/bin/sh\nexit 0\n")
    loader.chmod(0o755)
    return tmp_path / "root"


def wheel(folder: Path, name: str, files: dict[str, str]) -> Path:
    """Write a wheel with `files`; return it."""
    path = folder / f"{name}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for member, content in files.items():
            archive.writestr(member, content)
    return path


@pytest.fixture
def wheels(tmp_path: Path) -> Path:
    """Return a folder with wheels of the engine and Ray."""
    folder = tmp_path / "wheels"
    folder.mkdir()
    entry = "[console_scripts]\nvllm = vllm.entrypoints.cli.main:main\n"
    wheel(folder, f"vllm-{VERSION}", {"vllm/__init__.py": "", f"vllm-{VERSION}.dist-info/entry_points.txt": entry})
    entry = "[console_scripts]\nray = ray.scripts.scripts:main [default]\n"
    data = dict.fromkeys(("ray-1.data/", "ray-1.data/purelib/ray/__init__.py", "ray-1.data/scripts/ray-start"), "")
    wheel(folder, "ray-1", {**data, "ray-1.dist-info/entry_points.txt": entry})
    return folder


def test_the_archive_is_an_image_of_three_layers(root: Path, wheels: Path, tmp_path: Path) -> None:
    archive = engine_archive.build(root, wheels, tmp_path / "build")
    with tarfile.open(archive) as tar:
        (image,) = json.load(tar.extractfile("manifest.json"))  # type: ignore[arg-type]
        config = json.load(tar.extractfile(image["Config"]))  # type: ignore[arg-type]
        names = []
        for member in image["Layers"]:
            with tarfile.open(fileobj=tar.extractfile(member)) as layer:
                names.append({name.removeprefix("./") for name in layer.getnames()})
    assert config["config"]["Entrypoint"] == ["vllm", "serve"]
    assert [f"sha256:{member.split('/')[0]}" for member in image["Layers"]] == config["rootfs"]["diff_ids"]
    user_land, packages, engine = names
    assert "usr/bin/python3" in user_land
    assert not any(name.startswith(("usr/local/cuda", "var", "opt")) for name in user_land)
    assert "usr/lib/python3/dist-packages/torch/version.py" in packages
    assert not any("jaxlib" in name or name.endswith(".pth") for name in packages)
    overlay = engine_archive.OVERLAY.format(python=engine_archive.load_recipe().python)
    assert {f"{overlay}/vllm/__init__.py", f"{overlay}/ray/__init__.py", "usr/local/bin/vllm", "tmp"} <= engine
    assert not any(name.endswith("ray-start") for name in engine)
    assert {path.name for path in archive.parent.iterdir()} == {"engine.tar"}


def test_the_archive_becomes_an_image_of_the_bundle(root: Path, wheels: Path, tmp_path: Path) -> None:
    bundle = tmp_path / "bundle"
    bundle.mkdir()
    make_index(bundle, {"systems": {}, "images": {}, "model": "tiny-r1"})
    archive = engine_archive.build(root, wheels, tmp_path / "build")
    digest, layers = archived_image(archive, engine_archive.ENGINE_IMAGE)
    index = add_image(bundle, engine_archive.ENGINE_IMAGE, archive)
    entry = index["images"][engine_archive.ENGINE_IMAGE]
    assert (entry["digest"], entry["layers"]) == (digest, layers)
    assert index["files"][entry["file"]]["size"] == (bundle / entry["file"]).stat().st_size
    assert index["model"] == "tiny-r1"
    assert not archive.exists()


def test_missing_parts_are_named(root: Path, wheels: Path, tmp_path: Path) -> None:
    with pytest.raises(LabError, match="no wheel of vLLM"):
        engine_archive.build(root, tmp_path, tmp_path / "build")
    with pytest.raises(LabError, match="No PyTorch"):
        engine_archive.build(tmp_path / "nothing", wheels, tmp_path / "build")
    with pytest.raises(LabError, match="failed"):
        engine_archive.layer(["tar", "--create", "/nothing/there"], tmp_path / "layer.tar")


SPAWNING = """\
import multiprocessing


def child(queue):
    queue.put(7)


class main:
    @staticmethod
    def start():
        context = multiprocessing.get_context("spawn")
        queue = context.Queue()
        process = context.Process(target=child, args=(queue,))
        process.start()
        process.join()
        return queue.get() if process.exitcode == 0 else 1
"""


def test_a_console_script_may_spawn_processes(tmp_path: Path) -> None:
    (tmp_path / "tool-1.dist-info").mkdir()
    (tmp_path / "tool-1.dist-info" / "entry_points.txt").write_text("[console_scripts]\ntool = tool:main.start\n")
    (tmp_path / "tool.py").write_text(SPAWNING)
    script = tmp_path / "script"
    script.write_text(engine_archive.console_script(tmp_path, "tool"))
    done = subprocess.run(
        [sys.executable, script], env={"PYTHONPATH": str(tmp_path)}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 7, done.stderr
    with pytest.raises(LabError, match="other"):
        engine_archive.console_script(tmp_path, "other")


def test_wheels_are_those_of_the_lock_for_the_image(tmp_path: Path) -> None:
    argv = engine_wheels.command(tmp_path, "3.12", "https://index.example/simple")
    assert {"--no-deps", "--python-version=3.12", "--abi=cp312", "--platform=manylinux_2_28_x86_64"} <= set(argv)
    lock = Path(argv[-1].removeprefix("--requirement=")).read_text().split()
    assert f"vllm=={VERSION}" in lock
    assert not [line for line in lock if line.startswith(("torch==", "triton==", "nvidia-cublas=="))]
