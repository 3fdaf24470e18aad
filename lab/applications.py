"""Images of the engine and the web UI: a tree of Python packages on a minimal Debian."""

import shutil
from dataclasses import dataclass
from pathlib import Path

import docker

from lab import images, trees
from lab.images import NAMESPACE, RECIPES


@dataclass(frozen=True)
class Application:
    """An image of the test cluster: its `recipe` folder, and `repository` and `tag` in the registry.

    It is built on the image of `base`, or on the minimal Debian.
    """

    recipe: str
    repository: str
    tag: str
    base: "Application | None" = None


ENGINE = Application("engine", "inferfleet/vllm-cpu", "0.32.0")
WEBUI = Application("webui", "inferfleet/open-webui", "0.12.4")
ALL = (ENGINE, WEBUI)
GPUSTACK = Application(
    "gpustack", "inferfleet/gpustack", "0.7.1", base=ENGINE
)  # contains its own vLLM, like the upstream image
ON_DEMAND = {application.recipe: application for application in (GPUSTACK,)}
"""Images that `up` omits; `python -m lab image RECIPE` builds them."""


def base_of(client: docker.DockerClient, cache: Path, application: Application) -> str:
    """Return the base image of an application, built if missing."""
    return image(client, cache, application.base) if application.base else images.application_base(client, cache)


def reference(client: docker.DockerClient, cache: Path, application: Application) -> str:
    """Return the local name of an application's image, derived from its content."""
    base = base_of(client, cache, application)
    recipe = images.folder_parts(RECIPES / application.recipe)
    return f"{NAMESPACE}/{application.recipe}:{images.digest([base.encode(), *recipe])}"


def image(client: docker.DockerClient, cache: Path, application: Application) -> str:
    """Return the image of an application, built if missing; its package tree is then removed."""
    name = reference(client, cache, application)
    if not images.exists(client, name):
        tree = trees.tree(cache, application.recipe)
        base = base_of(client, cache, application)
        images.build(client, [RECIPES / application.recipe, tree], name, cache / "logs", {"BASE": base})
        if application in ALL:  # tests run the others from their package trees
            shutil.rmtree(tree)
    return name
