"""The kernel's files below a root folder, so that tests can put their own."""

from __future__ import annotations

import os


def read(root, path):
    """Return the text of a file below `root`, empty where it cannot be read."""
    try:
        with open(os.path.join(root, path), errors="replace") as file:
            return file.read()
    except OSError:
        return ""
