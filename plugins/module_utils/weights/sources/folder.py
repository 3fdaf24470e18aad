"""Folders on the node."""

from __future__ import annotations

import json
import os
import re

from ansible.module_utils.messages import N_, Message
from ansible.module_utils.weights import manifest
from ansible.module_utils.weights.sources.source import Source, SourceError, other_size

_BLOCK = 4 * 2**20  # bytes read at once


def blob_hash(path):
    """Return algorithm and hash of a file in Hugging Face's cache, whose link names them; empty for other files."""
    folder, name = os.path.split(os.path.realpath(path))
    if os.path.basename(folder) != "blobs" or not re.fullmatch("[0-9a-f]{40}|[0-9a-f]{64}", name):
        return "", ""
    return ("git" if len(name) == 40 else "sha256"), name


class Folder(Source):
    """A folder on this node: a disk, or a network file system."""

    def describe(self):
        """Return the files below the folder, with hashes if it contains our manifest or is in Hugging Face's cache."""
        root = self.spec["path"]
        if not os.path.isdir(root):
            raise SourceError(Message("", N_("the folder {path} does not exist on this node"), path=root))
        try:
            with open(os.path.join(root, manifest.NAME)) as lines:
                return manifest.contents(json.load(lines))
        except (OSError, ValueError, KeyError):
            pass
        if os.path.isdir(os.path.join(root, "snapshots")):
            raise SourceError(
                f"the folder {root} is a repository in Hugging Face's cache: set path to one of {root}/snapshots/*"
            )
        files = {}
        for folder, folders, names in os.walk(root):
            folders[:] = [f for f in folders if not f.startswith(".")]
            for name in names:
                full = os.path.join(folder, name)
                if not os.path.exists(full):
                    raise SourceError(f"the link {full} points to a file that does not exist on this node")
                algorithm, value = blob_hash(full)
                files[os.path.relpath(full, root)] = {
                    "size": os.path.getsize(full),
                    "algorithm": algorithm,
                    "hash": value,
                }
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
