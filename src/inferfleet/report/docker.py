"""What the report shows of Docker's images and containers: no environment, no command line."""

from collections.abc import Iterable, Mapping
from typing import Any

Objects = Iterable[Mapping[str, Any]]


def shown_images(images: Objects) -> list[dict[str, Any]]:
    """Return names, digests and id of images, from Docker's API."""
    return [
        {"names": image.get("RepoTags") or [], "digests": image.get("RepoDigests") or [], "id": image["Id"]}
        for image in images
    ]


def shown_containers(containers: Objects) -> list[dict[str, str]]:
    """Return name, image and status of containers, from Docker's API, which puts a slash before a name."""
    return [
        {"name": container["Names"][0][1:], "image": container["Image"], "status": container["Status"]}
        for container in containers
    ]
