"""Selection of container images by digest, and their registries."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from inferfleet.messages import N_, Problem

HUB = "docker.io"


@dataclass(frozen=True)
class Reference:
    """An image name, parsed as Docker does (github.com/distribution/reference)."""

    registry: str
    path: str
    tag: str
    digest: str

    @property
    def repository(self) -> str:
        """Registry and path."""
        return f"{self.registry}/{self.path}"


def parse(name: str) -> Reference:
    """Return the parts of `[registry/]path[:tag][@digest]`; the defaults are Docker Hub and `latest`."""
    rest, _, digest = name.partition("@")
    first, slash, remainder = rest.partition("/")
    registry, path = HUB, rest
    if slash and (re.search(r"[.:]", first) or first == "localhost"):
        registry, path = first, remainder
    path, _, tag = path.partition(":")
    if registry == HUB and "/" not in path:
        path = f"library/{path}"
    return Reference(registry, path, tag or ("" if digest else "latest"), digest)


def image_source(name: str, mirrors: Mapping[str, str]) -> dict[str, str]:
    """Return the pull source of an image: `repository`, `tag`, `digest`, and the complete `name`.

    `mirrors` maps a registry (`docker.io`, `ghcr.io`) to its mirror (`docker.example.com`,
    `registry.site:5000/ghcr`).
    """
    wanted = parse(name)
    repository = f"{mirrors.get(wanted.registry, wanted.registry)}/{wanted.path}"
    end = f"@{wanted.digest}" if wanted.digest else f":{wanted.tag}"
    return {"repository": repository, "tag": wanted.tag, "digest": wanted.digest, "name": repository + end}


@dataclass(frozen=True)
class Choice:
    """The image that the nodes must have; nothing to pull if `lacking` is empty."""

    lacking: list[str]
    """Hosts that must pull it."""
    digest: str = ""
    """`sha256:…` to pull; empty: whatever the tag resolves to."""
    resolve: bool = False
    """Whether the registry must first resolve the tag to a digest."""


def image_choice(
    found: Mapping[str, Sequence[Mapping[str, Any]]],
    pinned: str = "",
    pull: str = "missing",
    resolved: str | None = None,
) -> dict[str, Any]:
    """Return the choice for one image.

    `found` maps hosts to the image that Docker has under this name: one inspected image or none. `pinned` is the digest
    in the name, `pull` is `missing` or `always`, `resolved` the digest that the registry returned for the tag (None:
    not requested yet; empty: unknown to the registry).
    """
    if pinned:
        return asdict(Choice(_without(found, pinned), pinned))
    held = [images[0] for images in found.values() if images]
    if pull == "always" or not held:
        if resolved is None:
            return asdict(Choice([], resolve=True))
        lacking = (
            _without(found, resolved) if resolved else [host for host in found if pull == "always" or not found[host]]
        )
        return asdict(Choice(lacking, resolved))
    others = [host for host, images in found.items() if not images or not same_content(images[0], held[0])]
    if not others:
        return asdict(Choice([]))
    # A tag may have moved since: joining nodes get the image of the first one.
    if digest := next((_digest(image) for image in held if _digest(image)), ""):
        return asdict(Choice(_without(found, digest), digest))
    if resolved is None:
        return asdict(Choice([], resolve=True))
    lacking = _without(found, resolved) if resolved else [host for host in found if not found[host]]
    return asdict(Choice(lacking, resolved))


def content(image: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the layer digests of an inspected image, which are equal in every image store, pulled or loaded."""
    return tuple(image.get("RootFS", {}).get("Layers") or ())


def same_content(image: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Return whether both images have the same layers; true for images of different architectures."""
    return image.get("Architecture") != other.get("Architecture") or content(image) == content(other)


def image_difference(name: str, found: Mapping[str, Sequence[Mapping[str, Any]]]) -> Problem | None:
    """Return a problem if nodes have different images under one name; None if all are the same."""
    held = {host: images[0] for host, images in found.items() if images}
    by_architecture: dict[str, dict[tuple[str, ...], list[str]]] = {}
    for host, image in held.items():
        groups = by_architecture.setdefault(str(image.get("Architecture")), {})
        groups.setdefault(content(image), []).append(host)
    for groups in by_architecture.values():
        if len(groups) > 1:
            first, second, *_ = groups.values()
            return Problem(
                "image-differs",
                N_("Image {image} differs between {first} and {second}."),
                N_(
                    "Remove it there (`docker image rm {image}`) and run the playbook again, or set image_pull to"
                    " always."
                ),
                image=name,
                first=first,
                second=second,
            )
    return None


_PROCESSORS = {"x86_64": "amd64", "aarch64": "arm64"}
"""Architecture name of `uname -m` -> Docker's."""


def image_processor(name: str, images: Sequence[Mapping[str, Any]], machine: str, host: str) -> Problem | None:
    """Return a problem if an image is not for the node's architecture (`uname -m`); None otherwise."""
    wanted = _PROCESSORS.get(machine, machine)
    found = next((str(image.get("Architecture")) for image in images), wanted)
    if found == wanted:
        return None
    return Problem(
        "image-architecture",
        N_("Image {image} is for {found}, but the architecture of {host} is {wanted}."),
        N_("Set engine_image or webui_image to an image for {wanted}, or leave it empty to select one automatically."),
        image=name,
        found=found,
        host=host,
        wanted=wanted,
    )


_PULL_REMEDIES = (
    (
        "no space left on device",
        N_(
            "Free disk space in {path} on {host}, for example with `docker image prune`, or set container_data_root to"
            " a folder on a larger disk."
        ),
    ),
    (
        "certificate has expired or is not yet valid",
        N_(
            "Run `timedatectl` on {host} and correct its clock; if it is right, the registry's certificate has expired."
        ),
    ),
    (
        "proxyconnect|proxy authentication required",
        N_("Check that the proxy in http_proxy and https_proxy is correct, running and reachable from {host}."),
    ),
    (
        "",
        N_(
            "Correct the image name (engine_image, webui_image), name a mirror in image_mirrors, sign in on that host"
            " with `docker login`, or install the image from an air-gap bundle (playbooks/bundle.yml)."
        ),
    ),
)
"""Remedy of a failed pull by a pattern of Docker's reason; the first that matches applies."""


def image_pull_failure(name: str, reason: str, host: str, data_root: str) -> Problem:
    """Return the problem of a failed pull; `reason` is Docker's, `data_root` its folder on the node."""
    remedies = [remedy for pattern, remedy in _PULL_REMEDIES if re.search(pattern, reason, re.I)]
    return Problem(
        "image-not-pulled",
        N_("{host} cannot pull {image}: {reason}. The running containers were not changed."),
        remedies[0],
        host=host,
        image=name,
        reason=reason.rstrip(". \n"),
        path=data_root,
    )


def _digest(image: Mapping[str, Any]) -> str:
    return next((str(name).partition("@")[2] for name in image.get("RepoDigests") or ()), "")


def holds_image(images: Sequence[Mapping[str, Any]], recorded: str) -> bool:
    """Return whether an inspected image is the recorded one: `repository@digest`, or the id of one of no registry."""
    digest = digest_of(recorded)
    return any(
        image.get("Id") == recorded
        or bool(digest and any(str(name).endswith(f"@{digest}") for name in image.get("RepoDigests") or ()))
        for image in images
    )


def digest_of(recorded: str) -> str:
    """Return the digest of a recorded image that a registry has; empty if it can only be found on nodes."""
    return recorded.partition("@")[2]


def _without(found: Mapping[str, Sequence[Mapping[str, Any]]], digest: str) -> list[str]:
    return [
        host
        for host, images in found.items()
        if not images or not any(str(n).endswith(f"@{digest}") for n in images[0].get("RepoDigests") or ())
    ]
