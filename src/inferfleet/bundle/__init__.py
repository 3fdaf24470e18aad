"""Bundles for air-gapped sites: index, contents and validation."""

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
