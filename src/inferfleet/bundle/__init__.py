"""Air-gap bundles: what is in them, and whether one suits a deployment."""

from inferfleet.bundle.check import bundle_facts, check_bundle
from inferfleet.bundle.index import FORMAT, INDEX, image_file, make_index, read_index
from inferfleet.bundle.parts import image_parts, system_parts

__all__ = [
    "FORMAT",
    "INDEX",
    "bundle_facts",
    "check_bundle",
    "image_file",
    "image_parts",
    "make_index",
    "read_index",
    "system_parts",
]
