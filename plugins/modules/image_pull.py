#!/usr/bin/python
"""Pulls a Docker image and writes its progress to a file, which image_progress reads."""

from __future__ import annotations

import time
from typing import Any

from ansible.module_utils.weights import manifest

# Docker's API with the credentials of `docker login`, as community.docker.docker_image_pull uses it; that module
# discards the progress.
from ansible_collections.community.docker.plugins.module_utils._api.errors import DockerException
from ansible_collections.community.docker.plugins.module_utils._api.utils.utils import parse_repository_tag
from ansible_collections.community.docker.plugins.module_utils.common_api import AnsibleDockerClient, RequestException

DOCUMENTATION = r"""
---
module: image_pull
short_description: Pull a Docker image and write its progress to a file
description:
  - Pulls like C(community.docker.docker_image_pull). Run it in the background and wait with C(image_progress).
options:
  image:
    description: Name of the image, C([registry/]path[:tag][@digest]).
    type: str
    required: true
  pull:
    description: Whether to query the registry also if the node has an image of this name; never in check mode.
    type: str
    choices: [always, not_present]
    default: always
author: [inferfleet]
"""

EXAMPLES = r"""
- name: Pull the image
  image_pull:
    image: vllm/vllm-openai:v0.11.0
  async: 86400
  poll: 0
  register: job
"""

RETURN = r"""
image:
  description: The image, as C(docker image inspect) shows it; empty in check mode.
  returned: success
  type: dict
"""

INTERVAL = 1  # seconds between two writes of the progress
WAITING = ("Pulling fs layer", "Waiting")
DOWNLOADED = ("Verifying Checksum", "Download complete", "Extracting", "Pull complete")
"""States of a layer in Docker's progress messages: moby, distribution/pull_v2.go and pkg/progress."""


class Layers:
    """The layers of an image that are downloaded, from the messages of Docker's API."""

    def __init__(self) -> None:
        self.sizes: dict[str, int | None] = {}  # bytes; None: not known before its download starts
        self.loaded: dict[str, int] = {}  # bytes
        self.pulled: set[str] = set()

    def add(self, message: dict[str, Any]) -> None:
        """Process one message; messages without a layer are ignored."""
        layer, status = str(message.get("id", "")), message.get("status")
        detail = message.get("progressDetail") or {}
        if status in WAITING:
            self.sizes.setdefault(layer, None)
        elif status == "Downloading" and detail.get("total"):
            self.sizes[layer], self.loaded[layer] = detail["total"], detail.get("current", 0)
        elif status in DOWNLOADED and layer in self.sizes:
            self.sizes[layer] = self.sizes[layer] or 0  # a small layer is downloaded without a message on its size
            self.loaded[layer] = self.sizes[layer] or 0
            if status == "Pull complete":
                self.pulled.add(layer)

    def state(self) -> dict[str, Any]:
        """Return downloaded bytes, total bytes (None until every size is known), and layers: all, and the pulled."""
        known = [size for size in self.sizes.values() if size is not None]
        total = sum(known) if len(known) == len(self.sizes) else None
        return {
            "done": sum(self.loaded.values()),
            "total": total,
            "layers": len(self.sizes),
            "pulled": len(self.pulled),
        }


class Client(AnsibleDockerClient):
    """A client of Docker's API that writes the progress of a pull to a file."""

    def __init__(self, **options: Any) -> None:
        self.layers, self.written = Layers(), 0.0
        super().__init__(**options)
        self.file = manifest.run_file(f"image {self.module.params['image']}", "progress")

    def log(self, msg: Any, pretty_print: bool = False) -> None:
        """Process a message of Docker's API, which the base class passes on for its own log; fail if it is an error."""
        if isinstance(msg, dict) and msg.get("error"):
            self.fail(str(msg["error"]))  # without the base class's "Error pulling … - code: None message: …"
        if isinstance(msg, dict) and "status" in msg:
            self.layers.add(msg)
            if self.layers.sizes and time.monotonic() - self.written >= INTERVAL:
                self.written = time.monotonic()
                manifest.write_json(self.file, self.layers.state())


def pull(client: Client) -> dict[str, Any]:
    """Pull the image as requested and return the result of the module."""
    name, tag = parse_repository_tag(client.module.params["image"])
    tag = tag or "latest"
    image = client.find_image(name=name, tag=tag)
    if image and (client.check_mode or client.module.params["pull"] == "not_present"):
        return {"changed": False, "image": image}
    if client.check_mode:
        return {"changed": True, "image": {}}
    manifest.write_json(client.file, {})  # no progress of an earlier pull
    image, same = client.pull_image(name, tag=tag)
    return {"changed": not same, "image": image}


def main() -> None:
    """Entry point of the module."""
    client = Client(
        argument_spec={
            "image": {"type": "str", "required": True},
            "pull": {"type": "str", "choices": ["always", "not_present"], "default": "always"},
        },
        supports_check_mode=True,
    )
    try:
        client.module.exit_json(**pull(client))
    except (DockerException, RequestException) as error:
        client.fail(f"Docker does not respond as expected: {error}")


if __name__ == "__main__":
    main()
