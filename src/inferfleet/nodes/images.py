"""Which image every node is to have, by digest, and where it comes from."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from inferfleet.messages import N_, Problem

HUB = "docker.io"


@dataclass(frozen=True)
class Reference:
    """An image's name, taken apart as Docker does (github.com/distribution/reference)."""

    registry: str
    path: str
    tag: str
    digest: str

    @property
    def repository(self) -> str:
        """Registry and path."""
        return f"{self.registry}/{self.path}"


def parse(name: str) -> Reference:
    """Return the parts of `[registry/]path[:tag][@digest]`; Docker Hub and `latest` where nothing else is said."""
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
    """Return where the image is pulled from: `repository`, `tag`, `digest`, and `name` with what of them is known.

    `mirrors` maps a registry (`docker.io`, `ghcr.io`) to what stands for it (`docker.example.com`,
    `registry.site:5000/ghcr`).
    """
    wanted = parse(name)
    repository = f"{mirrors.get(wanted.registry, wanted.registry)}/{wanted.path}"
    end = f"@{wanted.digest}" if wanted.digest else f":{wanted.tag}"
    return {"repository": repository, "tag": wanted.tag, "digest": wanted.digest, "name": repository + end}


@dataclass(frozen=True)
class Choice:
    """What the nodes are to have; nothing to do where nobody is `lacking`."""

    lacking: list[str]
    """Hosts that have to get it."""
    digest: str = ""
    """`sha256:…` that they get; empty: whatever the tag means."""
    ask: bool = False
    """Whether the registry must say first what the tag means."""


def image_choice(
    found: Mapping[str, Sequence[Mapping[str, Any]]], given: str = "", pull: str = "missing", asked: str | None = None
) -> dict[str, Any]:
    """Return the choice for one image.

    `found` is what Docker knows of the image by its name, by host: one inspected image or none. `given` is the digest
    that the name holds, `pull` is `missing` or `always`, `asked` what the registry says that the tag means (None: it
    was not asked; empty: it does not say).
    """
    if given:
        return asdict(Choice(_without(found, given), given))
    held = [images[0] for images in found.values() if images]
    if pull == "always" or not held:
        if asked is None:
            return asdict(Choice([], ask=True))
        lacking = _without(found, asked) if asked else [host for host in found if pull == "always" or not found[host]]
        return asdict(Choice(lacking, asked))
    others = [host for host, images in found.items() if not images or not same_content(images[0], held[0])]
    if not others:
        return asdict(Choice([]))
    # A tag may have moved since: nodes that join get what the first one has.
    if digest := next((_digest(image) for image in held if _digest(image)), ""):
        return asdict(Choice(_without(found, digest), digest))
    if asked is None:
        return asdict(Choice([], ask=True))
    return asdict(Choice(_without(found, asked) if asked else [host for host in found if not found[host]], asked))


def content(image: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the digests of an inspected image's layers: the same in every image store, pulled or loaded."""
    return tuple(image.get("RootFS", {}).get("Layers") or ())


def same_content(image: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Return whether both hold the same; images of different architectures cannot, and need not."""
    return image.get("Architecture") != other.get("Architecture") or content(image) == content(other)


def image_difference(name: str, found: Mapping[str, Sequence[Mapping[str, Any]]]) -> Problem | None:
    """Return the problem of nodes that hold different images under one name; None when all hold the same."""
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
                N_("{image} is one image on {first} and another on {second}."),
                N_("Remove it there (`docker image rm {image}`) and run again, or set image_pull to always."),
                image=name,
                first=first,
                second=second,
            )
    return None


_PROCESSORS = {"x86_64": "amd64", "aarch64": "arm64"}
"""A machine's name of its processor -> Docker's."""


def image_processor(name: str, images: Sequence[Mapping[str, Any]], machine: str, host: str) -> Problem | None:
    """Return the problem of an image for another processor than the node's (`uname -m`); None if there is none."""
    wanted = _PROCESSORS.get(machine, machine)
    found = next((str(image.get("Architecture")) for image in images), wanted)
    if found == wanted:
        return None
    return Problem(
        "image-architecture",
        N_("{image} is for {found}, but the processor of {host} is {wanted}."),
        N_("Name an image for {wanted} (engine_image, webui_image), or leave it empty to have the right one chosen."),
        image=name,
        found=found,
        host=host,
        wanted=wanted,
    )


def _digest(image: Mapping[str, Any]) -> str:
    return next((str(name).partition("@")[2] for name in image.get("RepoDigests") or ()), "")


def _without(found: Mapping[str, Sequence[Mapping[str, Any]]], digest: str) -> list[str]:
    return [
        host
        for host, images in found.items()
        if not images or not any(str(n).endswith(f"@{digest}") for n in images[0].get("RepoDigests") or ())
    ]
