"""Creation of sources from the entries of `model_weights_sources`."""

from __future__ import annotations

from ansible.module_utils.weights.sources.folder import Folder
from ansible.module_utils.weights.sources.hfd import Hfd
from ansible.module_utils.weights.sources.http import Http
from ansible.module_utils.weights.sources.huggingface import HuggingFace
from ansible.module_utils.weights.sources.modelscope import ModelScope

_KINDS = {"huggingface": HuggingFace, "hfd": Hfd, "modelscope": ModelScope, "path": Folder, "http": Http}


def make_source(spec, stall, min_rate):
    """Return the source that one entry of `model_weights_sources` describes.

    `stall` is the longest time without data in seconds, `min_rate` the minimum rate in bytes per second.
    """
    return _KINDS[spec["type"]](spec, stall, min_rate)


def with_tokens(options):
    """Return the sources with their tokens, which are a separate option: Ansible hides all values of a secret one."""
    return [{**spec, "token": options["tokens"].get(spec["type"], "")} for spec in options["sources"]]


def pinned(sources, about):
    """Return the sources, with the manifest's own repository pinned to the manifest's commit.

    A branch may move meanwhile. Other repositories, and hubs with different commits, are checked by the hashes only.
    """
    fits = {"repository": about.get("repository"), "revision": about.get("revision")}
    return [
        {**spec, "revision": about["commit"]}
        if about.get("commit") and spec["type"] in ("huggingface", "hfd") and fits.items() <= spec.items()
        else spec
        for spec in sources
    ]
