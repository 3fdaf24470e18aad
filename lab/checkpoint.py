"""The trained tiny R1: trained once in the engine image, which contains torch, and cached by its recipe."""

from pathlib import Path

import docker

from lab.config import LabConfig
from lab.images import build_folder, digest, files_below, named_contents
from lab.nodes import LABEL
from lab.problem import LabError

REPOSITORY = "inferfleet/tiny-r1"
SOURCE = Path(__file__).parent / "tiny_r1"
NOT_IN_WEIGHTS = {"check.py", "client.py", "compare.py"}  # clients of a served checkpoint
THREADS = 2  # of torch; another number produces other weights


def hub_root(cache: Path) -> Path:
    """Return the folder that the hub serves, named after the content of the recipe."""
    parts = [file for file in files_below(SOURCE) if file.name not in NOT_IN_WEIGHTS]
    return cache / "checkpoints" / digest(named_contents(SOURCE, parts))


def make(client: docker.DockerClient, config: LabConfig, engine_image: str) -> str:
    """Train the checkpoint in a container of `engine_image` unless it exists; return what was done.

    Raises LabError with the last line of the training log if it fails.
    """
    root = hub_root(config.cache)
    if root.is_dir():
        return f"{REPOSITORY} unchanged"
    name = f"{config.prefix}-training"
    for left in client.containers.list(all=True, filters={"name": f"^/{name}$"}):
        left.remove(force=True)
    with build_folder(config.cache) as folder:
        (folder / "hub" / REPOSITORY).parent.mkdir(parents=True)
        container = client.containers.run(
            engine_image,
            ["-m", "lab.tiny_r1", "--out", f"/hub/{REPOSITORY}", "--threads", str(THREADS)],
            entrypoint="python3",
            detach=True,
            environment={"OMP_NUM_THREADS": str(THREADS), "PYTHONDONTWRITEBYTECODE": "1"},
            labels={LABEL: config.prefix},
            name=name,
            network_disabled=True,
            volumes={
                str(SOURCE.parent): {"bind": "/source/lab", "mode": "ro"},
                str(folder / "hub"): {"bind": "/hub", "mode": "rw"},
            },
            working_dir="/source",
        )
        try:
            if container.wait()["StatusCode"]:
                last = container.logs().decode(errors="replace").strip().splitlines()[-1:]
                raise LabError(f"The tiny R1 could not be trained: {' '.join(last)}")
            lines = container.logs().decode(errors="replace").strip().splitlines()
        finally:
            container.remove(force=True)
        root.parent.mkdir(exist_ok=True)
        (folder / "hub").rename(root)
    answers = next((line.split("] ", 1)[-1] for line in lines if "answers are right" in line), "")
    return f"{REPOSITORY} trained, {answers}"
