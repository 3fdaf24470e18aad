"""Accelerators that only the community supports: inferfleet plans them for an image and with drivers of the user."""

from collections.abc import Iterator

from inferfleet.engines import Engine
from inferfleet.messages import N_, Message
from inferfleet.planner.fleet import Fleet
from inferfleet.planner.refusals import EngineUnsupported, Refusal
from inferfleet.settings import Settings

COMMUNITY = "community"
"""Vendor of these accelerators in the catalog."""


def community_problem(name: str, engine: Engine, settings: Settings, fleet: Fleet) -> Refusal | None:
    """Return the problem of an accelerator of the community without an image of the user."""
    images = fleet.accelerator.images
    if fleet.accelerator.vendor != COMMUNITY or settings.engine_image or name not in images:
        return None
    return EngineUnsupported(
        N_("Variable engine_image is empty, but only the community has images of {engine} for {accelerator}."),
        N_("Set engine_image to one that you trust, for example {image}."),
        {"engine": name, "engine_image": images[name]},
        engine=engine.title,
        accelerator=fleet.name,
        image=images[name],
    )


def community_warnings(fleet: Fleet, image: str) -> Iterator[Message]:
    """Yield the warning about an accelerator of the community."""
    if fleet.accelerator.vendor == COMMUNITY:
        yield Message(
            "community",
            N_(
                "{accelerator} has community support only: its devices in containers are documented but not tested"
                " here, driver and container runtime are yours to install, and the options of {image} are not known."
            ),
            accelerator=fleet.name,
            image=image,
        )
