"""Images and packages of a bundle, as its index describes them."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from inferfleet.bundle.index import image_file

Results = Iterable[Mapping[str, Any]]


def image_parts(configs: Results, digests: Results) -> dict[str, dict[str, Any]]:
    """Return file, digest and layers of every image, from what `skopeo inspect` printed for each (`item`: its name)."""
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
    """Return the archive of packages of every system by its key; `systems` maps the hosts that collected them to it."""
    return {key: {"file": f"packages/{key}.tar"} for key in systems.values()}
