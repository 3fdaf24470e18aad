"""Check whether an image's container starts on the nodes' driver, and whether its CUDA runs there."""

from typing import Literal

from inferfleet.catalog import load_cuda_releases
from inferfleet.catalog.schema import CudaRelease
from inferfleet.engines import EngineVersion
from inferfleet.messages import N_, Message
from inferfleet.planner.fleet import Fleet
from inferfleet.versions import version_key

DISABLE_REQUIRE = "NVIDIA_DISABLE_REQUIRE"
"""Environment variable of a container that disables the check of NVIDIA_REQUIRE_CUDA."""
_TRUE = ("1", "t", "true")  # Go's strconv.ParseBool, with which the container runtime reads it

DriverFit = Literal["runs", "forward", "refused", "too-old"]
"""`runs`: the driver runs the image's CUDA; `forward`: with the image's forward compatibility libraries;
`refused`: it would run, but NVIDIA_REQUIRE_CUDA prevents the container's start; `too-old`: it does not run."""


def driver_fit(fleet: Fleet, version: EngineVersion) -> DriverFit:
    """Return how the image of an engine version runs on the nodes' driver; `runs` if one of them is not known."""
    release = load_cuda_releases().get(version.cuda)
    if fleet.accelerator.vendor != "nvidia" or not version_key(fleet.driver) or not release:
        return "runs"
    return _fit(fleet, version, release, fleet.driver)


def usable_drivers(fleet: Fleet, version: EngineVersion) -> Message:
    """Return the drivers that an image runs on, as they complete "Install driver …"."""
    release = load_cuda_releases()[version.cuda]
    older = [b for b in release.older_branches if _fit(fleet, version, release, f"{b}.999") in ("runs", "forward")]
    newest = release.branch if version.requires_cuda else release.min_driver
    if not older:
        return Message("", N_("{newest} or newer"), newest=newest)
    return Message("", N_("{newest} or newer (or of branch {older})"), newest=newest, older=older)


def _fit(fleet: Fleet, version: EngineVersion, release: CudaRelease, driver: str) -> DriverFit:
    branch, brand = version_key(driver)[0], fleet.accelerator.brand
    forward = version_key(driver) < version_key(release.min_driver)
    if forward and not (
        version.forward_compatibility is not None and brand != "geforce" and branch in release.older_branches
    ):
        return "too-old"
    listed = branch in release.older_branches and brand in release.brands
    if version.requires_cuda and not _disabled(fleet) and branch < release.branch and not listed:
        return "refused"
    return "forward" if forward else "runs"


def _disabled(fleet: Fleet) -> bool:
    return str(fleet.settings.engine_extra_env.get(DISABLE_REQUIRE, "")).lower() in _TRUE
