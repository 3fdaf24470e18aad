"""The hub application: three protocols for the same repositories, with a shared line, faults and a control API."""

import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.types import ASGIApp

from lab.hub import mirror
from lab.hub.control import Control
from lab.hub.faults import Faults, parse_rules
from lab.hub.huggingface import PAGE_SIZE, HuggingFace
from lab.hub.modelscope import ModelScope
from lab.hub.repository import Repositories
from lab.hub.wan import Stats, Wan


def create_app(
    root: Path,
    *,
    rate: float | None = None,
    fail_after: int | None = None,
    corrupt: Iterable[str] = (),
    page_size: int = PAGE_SIZE,
    modelscope_ids: Mapping[str, str] | None = None,
) -> ASGIApp:
    """Build the hub for the repositories under `root`.

    `rate` is the total bandwidth of all connections in bytes per second. `fail_after` and `corrupt` are initial rules
    (`lab.hub.faults`): each client's first transfer of each path is cut after so many bytes of its body;
    the files `owner/name/path` are sent with their middle byte inverted. `modelscope_ids` is that of
    `lab.hub.modelscope.ModelScope`. Raises FileNotFoundError if a file to corrupt is missing.
    """
    rules: list[dict[str, Any]] = [_corrupt(root, name, modelscope_ids or {}) for name in corrupt]
    if fail_after is not None:
        rules.append({"path": "", "fault": "cut", "after": fail_after, "times": 1, "each": True})
    repositories = Repositories(root)
    hubs = [*HuggingFace(repositories, page_size).routes(), *ModelScope(repositories, modelscope_ids).routes()]
    site = Starlette(routes=[*hubs, *mirror.routes(repositories)])
    site.router.redirect_slashes = False  # hubs and mirrors accept exact URLs only
    faults = Faults(site, parse_rules(json.dumps(rules)))
    wan = Wan(faults, Stats(), rate)
    return Starlette(routes=[Mount("/_lab", routes=Control(wan, faults).routes()), Mount("/", app=wan)])


def _corrupt(root: Path, name: str, modelscope_ids: Mapping[str, str]) -> dict[str, Any]:
    """Return the rule that inverts the middle byte of the file `owner/name/path`, for all protocols."""
    owner, repo, path = name.split("/", 2)
    ids = {f"{owner}/{repo}", modelscope_ids.get(f"{owner}/{repo}", f"{owner}/{repo}")}
    pattern = rf"/({'|'.join(map(re.escape, sorted(ids)))})/(.*[/=])?{re.escape(path)}$"
    return {"path": pattern, "fault": "corrupt", "at": (root / name).stat().st_size // 2}
