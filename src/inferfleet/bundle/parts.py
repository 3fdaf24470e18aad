"""Index entries for the images and packages of a bundle."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from inferfleet.bundle.index import image_file

Results = Iterable[Mapping[str, Any]]


def image_parts(configs: Results, digests: Results) -> dict[str, dict[str, Any]]:
    """Return file, digest and layers of each image, from the output of `skopeo inspect` (`item`: the image's name)."""
    digest_of = {result["item"]: result["stdout"] for result in digests}
    return {
        config["item"]: {
            "file": f"images/{image_file(config['item'])}",
            "digest": digest_of[config["item"]],
            "layers": json.loads(config["stdout"])["rootfs"]["diff_ids"],
        }
        for config in configs
    }


def system_parts(systems: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """Return the package archive of each system key; `systems` maps the collecting hosts to their keys."""
    return {key: {"file": f"packages/{key}.tar"} for key in systems.values()}
