"""Select the image that provides `vllm bench serve`."""

from collections.abc import Iterable, Mapping
from typing import Any

from inferfleet.engines import Engine, load_engine, load_engines
from inferfleet.engines.discovery import load_bench_command
from inferfleet.engines.measurement import Measurement


def runs_vllm(plan: Mapping[str, Any]) -> bool:
    """Return whether the engine's image contains the client."""
    return bool(load_engine(plan["engine"]).bench_client)


def client_image(plan: Mapping[str, Any]) -> str:
    """Return the image of the benchmark client: the engine's, or vLLM's CPU image.

    The client does no inference, so the smallest image is sufficient.
    """
    if runs_vllm(plan):
        return str(plan["image"])
    return next(version.image["cpu"] for version in _client().versions if "cpu" in version.image)


def client_version(plan: Mapping[str, Any], image: str) -> str:
    """Return the version of the client in an image; empty if not known."""
    if image == plan["image"] and load_engine(plan["engine"]) is _client():
        return str(plan["engine_version"])
    return next((v.version for v in _client().versions if image in v.image.values()), "")


def image_digests(images: Iterable[Mapping[str, Any]], names: Iterable[str]) -> dict[str, str]:
    """Return the digest of each named image from Docker's description `images`; its id if it has no digest."""
    found = list(images)
    return {
        name: (image.get("RepoDigests") or [image["Id"]])[0].rpartition("@")[2]
        for name in names
        for image in found
        if name in (*(image.get("RepoTags") or ()), *(image.get("RepoDigests") or ()))
    }


def bench_argv(measurement: Measurement) -> list[str]:
    """Return the command line of one measurement."""
    return load_bench_command(_client_name())(measurement)


def _client() -> Engine:
    """Return the engine that the client belongs to."""
    return load_engine(_client_name())


def _client_name() -> str:
    return next(name for name, engine in load_engines().items() if engine.bench_client == name)
