#!/usr/bin/python
"""Reads the manifest of a model from its sources."""

from __future__ import annotations

import fnmatch
import os
import time

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.messages import N_, Message, failure, joined
from ansible.module_utils.weights import manifest
from ansible.module_utils.weights.sources.source import SourceError
from ansible.module_utils.weights.sources.specs import make_source, with_tokens

DOCUMENTATION = r"""
---
module: weights_manifest
short_description: Return files, sizes and hashes of a model from the first available source
description:
  - If no source is available, the manifest of a complete copy of the same revision is used, with a warning.
  - For files without a hash at the source, the hash comes from the first complete download.
options:
  sources:
    description: Sources in order of preference.
    type: list
    elements: dict
    required: true
  tokens:
    description: Tokens of sources that require one, by the source's C(type).
    type: dict
    default: {}
  include:
    description: Patterns of the files to download; empty downloads all.
    type: list
    elements: str
    default: []
  exclude:
    description: Patterns of files to exclude.
    type: list
    elements: str
    default: []
  path:
    description: Final folder of the model on this node.
    type: path
    required: true
author: [inferfleet]
"""

EXAMPLES = r"""
- name: Read the manifest
  weights_manifest:
    sources: [{type: huggingface, endpoint: https://hf-mirror.com, repository: deepseek-ai/DeepSeek-R1, revision: main}]
    path: /data/models/deepseek-ai/DeepSeek-R1
"""

RETURN = r"""
files:
  description: Each file's name with its size in bytes, the algorithm and the hash.
  returned: success
  type: dict
about:
  description: Repository, requested revision, commit, and the source of the manifest.
  returned: success
  type: dict
bytes:
  description: Total size of all files in bytes.
  returned: success
  type: int
causes:
  description: Why sources before the chosen one were not used, as messages.
  returned: success
  type: list
  elements: dict
inferfleet_warnings:
  description: Warnings for the summary of the run, as messages.
  returned: success
  type: list
  elements: dict
"""


# If the sources limit the number of requests: rounds over them, and seconds between rounds.
ROUNDS = 3
BACKOFF = 10
LONGEST_WAIT = 60


def selected(name, include, exclude):
    """Return whether the patterns (in the form of `hf download`) select a file."""
    if include and not any(fnmatch.fnmatch(name, p) for p in include):
        return False
    return not any(fnmatch.fnmatch(name, p) for p in exclude)


def safe(name):
    """Return whether a file name stays below the folder of its model."""
    return not os.path.isabs(name) and ".." not in name.split("/") and not name.startswith(".inferfleet")


def described(params):
    """Return `about`, files, the causes of the sources that failed, and whether one limits the number of requests.

    If every source fails, the list is requested again after the waiting time of those that limit requests.
    """
    for turn in range(ROUNDS):
        about, files, causes, waits = _described(params)
        if about is not None or not waits or turn + 1 == ROUNDS:
            break
        time.sleep(min(max(BACKOFF * 2**turn, min(waits)), LONGEST_WAIT))
    return about, files, causes, bool(waits)


def _described(params):
    """Return `about`, files, the causes of the sources that failed, and the waiting times that they request."""
    causes, waits = [], []
    for spec in with_tokens(params):
        source = make_source(spec, 60, 0)
        try:
            commit, files = source.describe()
        except SourceError as error:
            causes.append(Message("", N_("{source}: {reason}"), source=source.title, reason=error.reason))
            waits += [error.retry_after] if error.rate_limited else []
            continue
        about = {
            "repository": spec["repository"],
            "revision": spec["revision"],
            "commit": commit,
            "source": source.title,
        }
        return about, files, causes, waits
    return None, {}, causes, waits


def main():
    """Entry point of the module."""
    module = AnsibleModule(
        argument_spec={
            "sources": {"type": "list", "elements": "dict", "required": True},
            "tokens": {"type": "dict", "default": {}, "no_log": True},
            "include": {"type": "list", "elements": "str", "default": []},
            "exclude": {"type": "list", "elements": "str", "default": []},
            "path": {"type": "path", "required": True},
        },
        supports_check_mode=True,
    )
    params = module.params
    about, files, causes, limited = described(params)
    warnings = []
    if about is None:
        found = manifest.read(params["path"])
        first = params["sources"][0]
        fits = found.get("repository") == first["repository"] and first["revision"] in (
            found.get("revision"),
            found.get("commit"),
        )
        if not (found.get("complete") and fits):
            template = N_(
                "No source lists the files of {repository} (revision {revision}): {causes}."
                " Check hub_endpoint, model_weights_sources, checkpoint and model_revision."
            )
            if limited:
                template = N_(
                    "The hub limits the number of requests: {causes}. Run again in a few minutes, set"
                    " model_weights_tokens, or add a source of type modelscope to model_weights_sources."
                )
            about = {"repository": first["repository"], "revision": first["revision"]}
            module.fail_json(**failure(Message("no-source", template, causes=joined(causes), **about)))
        unavailable = N_("No source is available ({causes}). The manifest of the complete copy on this node is used.")
        warning = Message("weights-sources-unavailable", unavailable, causes=joined(causes))
        module.warn(str(warning))
        warnings.append(warning.as_dict())
        about = {key: found[key] for key in ("repository", "revision", "commit", "source") if key in found}
        _, files = manifest.contents(found)
    else:
        files = {
            name: entry
            for name, entry in files.items()
            if safe(name) and selected(name, params["include"], params["exclude"])
        }
    if not files:
        template = N_("No file of the model is selected. Check model_weights_include and model_weights_exclude.")
        module.fail_json(**failure(Message("no-file", template)))
    module.exit_json(
        changed=False,
        about=about,
        files=files,
        bytes=sum(e["size"] for e in files.values()),
        causes=[cause.as_dict() for cause in causes],
        inferfleet_warnings=warnings,
    )


if __name__ == "__main__":
    main()
