"""Where `vllm bench serve` comes from."""

from collections.abc import Iterable, Mapping
from typing import Any

from inferfleet.catalog import EngineVersion, load_engines

_CLIENT = "vllm"
_OWN = ("vllm", "vllm_vacc")  # engines whose images hold vLLM


def runs_vllm(plan: Mapping[str, Any]) -> bool:
    """Return whether the engine's own image holds vLLM."""
    return plan["engine"] in _OWN


def client_image(plan: Mapping[str, Any]) -> str:
    """Return the image to measure from: the engine's, or the catalog's vLLM for processors.

    The client computes nothing, so that the smallest image does.
    """
    return str(plan["image"]) if runs_vllm(plan) else _for_processors().image["cpu"]


def client_version(plan: Mapping[str, Any], image: str) -> str:
    """Return the version of vLLM in an image; empty where the catalog does not know it."""
    if image == plan["image"] and plan["engine"] == _CLIENT:
        return str(plan["engine_version"])
    return next((v.version for v in load_engines()[_CLIENT].versions if image in v.image.values()), "")


def image_digests(images: Iterable[Mapping[str, Any]], names: Iterable[str]) -> dict[str, str]:
    """Return the digest of each named image, as Docker describes `images`; its id where no registry gave one."""
    found = list(images)
    return {
        name: (image.get("RepoDigests") or [image["Id"]])[0].rpartition("@")[2]
        for name in names
        for image in found
        if name in (*(image.get("RepoTags") or ()), *(image.get("RepoDigests") or ()))
    }


def _for_processors() -> EngineVersion:
    return next(version for version in load_engines()[_CLIENT].versions if "cpu" in version.image)
