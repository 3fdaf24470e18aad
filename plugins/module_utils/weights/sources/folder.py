"""Folders on the node."""

from __future__ import annotations

import json
import os

from ansible.module_utils.messages import N_, Message
from ansible.module_utils.weights import manifest
from ansible.module_utils.weights.sources.source import Source, SourceError, other_size

_BLOCK = 4 * 2**20  # bytes read at once


class Folder(Source):
    """A folder on this node: a disk, or a network file system."""

    def describe(self):
        """Return the files below the folder, with hashes if it contains our manifest."""
        root = self.spec["path"]
        if not os.path.isdir(root):
            raise SourceError(Message("", N_("the folder {path} does not exist on this node"), path=root))
        try:
            with open(os.path.join(root, manifest.NAME)) as lines:
                return manifest.contents(json.load(lines))
        except (OSError, ValueError, KeyError):
            pass
        files = {}
        for folder, folders, names in os.walk(root):
            folders[:] = [f for f in folders if not f.startswith(".")]
            for name in names:
                full = os.path.join(folder, name)
                files[os.path.relpath(full, root)] = {"size": os.path.getsize(full), "algorithm": "", "hash": ""}
        return "", files

    def fetch(self, sink):
        """Copy what `sink` lacks."""
        full = os.path.join(self.spec["path"], sink.name)
        try:
            with open(full, "rb", buffering=0) as content:
                if os.fstat(content.fileno()).st_size != sink.size:
                    raise SourceError(other_size(os.fstat(content.fileno()).st_size, sink.size))
                for begin, end in sink.gaps():
                    content.seek(begin)
                    while begin < end:
                        block = content.read(min(_BLOCK, end - begin))
                        if not block:
                            raise SourceError(Message("", N_("{path} is shorter than expected"), path=full))
                        sink.write(begin, block)
                        begin += len(block)
        except FileNotFoundError as error:
            raise SourceError(Message("", N_("the file {path} does not exist on this node"), path=full)) from error
