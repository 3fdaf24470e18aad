"""Air-gap bundles: what is in them, and whether one suits a deployment."""

from inferfleet.bundle.check import bundle_facts, check_bundle
from inferfleet.bundle.index import FORMAT, INDEX, image_file, make_index, read_index

__all__ = ["FORMAT", "INDEX", "bundle_facts", "check_bundle", "image_file", "make_index", "read_index"]
