"""ModelScope."""

from __future__ import annotations

import json
import os
import sys

from ansible.module_utils.weights.sources.source import SourceError, cause
from ansible.module_utils.weights.sources.tool import Tool

_ASK_MODELSCOPE = """
import json, os, sys
asked = json.load(sys.stdin)
os.environ.update(asked["environment"])
from modelscope_hub import HubApi
HubApi(endpoint=asked["endpoint"], token=asked["token"]).download_file(*asked["file"], **asked["options"])
"""


class ModelScope(Tool):
    """modelscope.cn with its own SDK."""

    def describe(self):
        """Return commit and files, with the SHA-256 that the hub gives."""
        try:
            from modelscope_hub import HubApi

            api = HubApi(endpoint=self.spec["endpoint"], token=self.spec.get("token") or None)
            entries = list(api.list_repo_files(self.repository, "model", revision=self._revision()))
        except Exception as error:
            raise SourceError(cause(error, 60)) from error
        files = {
            e.path: {"size": e.size or 0, "algorithm": "sha256" if e.sha256 else "", "hash": e.sha256 or ""}
            for e in entries
            if e.type != "tree"
        }
        if not files:  # which is how the hub answers for a revision that it does not have
            raise SourceError(f"it has no files of {self.repository} at revision {self._revision()}")
        return "", files

    def _revision(self):
        return "master" if self.revision == "main" else self.revision

    def command(self, place, sink):
        """Return a Python of ours that asks the SDK for one file."""
        asked = {
            "endpoint": self.spec["endpoint"],
            "token": self.spec.get("token") or None,
            "file": [self.repository, "model", sink.name],
            "options": {"revision": self._revision(), "local_dir": place},
            "environment": {
                "MODELSCOPE_CACHE": os.path.join(place, ".cache"),
                "MODELSCOPE_HOME": os.path.join(place, ".cache"),
                "MODELSCOPE_DOWNLOAD_TOTAL_TIMEOUT": "864000",  # its own limit of an hour is short for a slow WAN
                "MODELSCOPE_DOWNLOAD_INTRA_CLOUD": "false",
            },
        }
        return [sys.executable, "-c", _ASK_MODELSCOPE], json.dumps(asked)
