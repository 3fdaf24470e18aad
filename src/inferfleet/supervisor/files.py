"""The files of the supervisor on a node, by path."""

import json
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from inferfleet.components import load_component

_PACKAGE = "inferfleet_supervisor"
_MODES = {"command": "0755", "unit": "0644"}


def node_files(
    settings: Mapping[str, Any], token: str, texts: Mapping[str, str], sources: Path
) -> dict[str, dict[str, str]]:
    """Return the `content` and `mode` of each file by path.

    `texts` are the contents of further files of the component by their keys; `sources` is the folder of the package.
    """
    paths = load_component("supervisor").files
    files = {
        str(PurePosixPath(paths["package"], file.relative_to(sources).as_posix())): (file.read_text("utf-8"), "0644")
        for file in sorted((sources / _PACKAGE).rglob("*.py"))
    }
    files |= {paths[key]: (text, _MODES[key]) for key, text in texts.items()}
    files[paths["token"]] = (f"{token}\n", "0600")
    files[paths["settings"]] = (json.dumps(settings, indent=2) + "\n", "0600")
    return {path: {"content": content, "mode": mode} for path, (content, mode) in files.items()}
