"""The hub's HTTP interface: the part of the Hugging Face Hub's that downloads use."""

import hashlib
import json
import tempfile
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from lab.hub.repository import Entry, Repositories, Snapshot
from lab.hub.wan import Stats, Wan

PAGE_SIZE = 1000  # entries of a tree page, as on the Hub


def create_app(
    root: Path,
    *,
    rate: float | None = None,
    fail_after: int | None = None,
    corrupt: Iterable[str] = (),
    page_size: int = PAGE_SIZE,
) -> ASGIApp:
    """Build the hub for the repositories under `root`.

    `rate` (bytes a second) and `fail_after` (bytes) are those of `lab.hub.wan.Wan`. `corrupt` names files as
    `owner/name/path` that are sent with one byte flipped. Raises FileNotFoundError if one of them is missing.
    """
    stats = Stats()
    hub = _Hub(Repositories(root), stats, {name: _flipped(root / name) for name in corrupt}, page_size)
    get, post = ["GET"], ["POST"]
    repo = "/{owner}/{name}"
    app = Starlette(
        routes=[
            Route("/_lab/stats", hub.stats, methods=get),
            Route(f"/api/models{repo}", hub.info, methods=get),
            Route(f"/api/models{repo}/revision/{{revision:path}}", hub.info, methods=get),
            Route(f"/api/models{repo}/tree/{{revision}}", hub.tree, methods=get),
            Route(f"/api/models{repo}/tree/{{revision}}/{{path:path}}", hub.tree, methods=get),
            Route(f"/api/models{repo}/paths-info/{{revision:path}}", hub.paths_info, methods=post),
            Route(f"{repo}/resolve/{{revision}}/{{path:path}}", hub.resolve, methods=get),
            Route(f"/cdn{repo}/{{sha256}}/{{path:path}}", hub.cdn, methods=get),
        ],
    )
    return Wan(app, stats, rate, fail_after)


class _Hub:
    """The handlers of the routes."""

    def __init__(self, repositories: Repositories, stats: Stats, replaced: dict[str, Path], page_size: int) -> None:
        self.repositories = repositories
        self.counted = stats
        self.replaced = replaced
        self.page_size = page_size

    async def stats(self, request: Request) -> Response:
        return JSONResponse(self.counted.as_dict())

    async def info(self, request: Request) -> Response:
        snapshot = await self._snapshot(request)
        blobs = request.query_params.get("blobs", "").lower() in ("true", "1")
        modified = datetime.fromtimestamp(snapshot.modified, UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
        return JSONResponse(
            {
                "id": snapshot.repo_id,
                "modelId": snapshot.repo_id,
                "author": request.path_params["owner"],
                "sha": snapshot.commit,
                "lastModified": modified,
                "private": False,
                "gated": False,
                "disabled": False,
                "tags": [],
                "siblings": [_sibling(entry, blobs) for entry in snapshot.entries.values()],
            }
        )

    async def tree(self, request: Request) -> Response:
        snapshot = await self._snapshot(request)
        below = request.path_params.get("path", "").strip("/")
        recursive = request.query_params.get("recursive", "").lower() in ("true", "1")
        nodes = _nodes(snapshot)
        if below and nodes.get(below, {}).get("type") != "directory":
            raise _not_found("EntryNotFound", f"{below} is no folder of this repository")
        prefix = f"{below}/" if below else ""
        listed = [
            node
            for path, node in nodes.items()
            if path.startswith(prefix) and (recursive or "/" not in path[len(prefix) :])
        ]
        try:
            start = max(int(request.query_params.get("cursor", "0")), 0)
            limit = max(int(request.query_params.get("limit", self.page_size)), 1)
        except ValueError:
            raise HTTPException(400, "cursor and limit must be numbers") from None
        end = start + min(limit, self.page_size)
        headers = {}
        if end < len(listed):
            headers["Link"] = f'<{request.url.include_query_params(cursor=end)}>; rel="next"'
        return JSONResponse(listed[start:end], headers=headers)

    async def paths_info(self, request: Request) -> Response:
        snapshot = await self._snapshot(request)
        body = await request.body()
        try:
            if request.headers.get("content-type", "").startswith("application/json"):
                wanted = json.loads(body)["paths"]
            else:
                wanted = parse_qs(body.decode()).get("paths", [])
            wanted = [wanted] if isinstance(wanted, str) else [str(path) for path in wanted]
        except (ValueError, KeyError, TypeError):
            raise HTTPException(400, "the body must name paths") from None
        nodes = _nodes(snapshot)
        return JSONResponse([nodes[path.strip("/")] for path in wanted if path.strip("/") in nodes])

    async def resolve(self, request: Request) -> Response:
        """A small file itself; for an LFS file the way to the CDN, with the file's identity in the headers."""
        snapshot = await self._snapshot(request)
        entry = _entry(snapshot, request.path_params["path"])
        headers = _identity(snapshot, entry)
        if not entry.lfs:
            return self._file(snapshot, entry, headers)
        location = f"{request.base_url}cdn/{snapshot.repo_id}/{entry.sha256}/{quote(entry.path)}"
        return RedirectResponse(location, status_code=302, headers=headers)

    async def cdn(self, request: Request) -> Response:
        snapshot = await self._snapshot(request)
        entry = _entry(snapshot, request.path_params["path"])
        if request.path_params["sha256"] != entry.sha256:
            raise _not_found("EntryNotFound", "this content is no longer in the repository")
        # On the Hub the CDN is another host, where a client stops. Here it is the same one, so a client follows
        # and looks for the identity in the last answer.
        return self._file(snapshot, entry, _identity(snapshot, entry))

    async def _snapshot(self, request: Request) -> Snapshot:
        owner, name = request.path_params["owner"], request.path_params["name"]
        snapshot = await run_in_threadpool(self.repositories.snapshot, owner, name)
        if snapshot is None:
            raise _not_found("RepoNotFound", "Repository not found")
        revision = request.path_params.get("revision")
        if revision is not None and not snapshot.has_revision(revision):
            raise _not_found("RevisionNotFound", f"Invalid rev id: {quote(revision)}")
        return snapshot

    def _file(self, snapshot: Snapshot, entry: Entry, headers: dict[str, str]) -> Response:
        file = self.replaced.get(f"{snapshot.repo_id}/{entry.path}", entry.file)
        return FileResponse(file, headers=headers, media_type="application/octet-stream")


def _identity(snapshot: Snapshot, entry: Entry) -> dict[str, str]:
    headers = {"ETag": f'"{entry.etag}"', "X-Repo-Commit": snapshot.commit, "Accept-Ranges": "bytes"}
    if entry.lfs:
        headers |= {"X-Linked-Size": str(entry.size), "X-Linked-Etag": f'"{entry.sha256}"'}
    return headers


def _entry(snapshot: Snapshot, path: str) -> Entry:
    """Look `path` up among the files that were listed, so that no path can lead anywhere else."""
    if path not in snapshot.entries:
        raise _not_found("EntryNotFound", "Entry not found", {"X-Repo-Commit": snapshot.commit})
    return snapshot.entries[path]


def _not_found(code: str, message: str, headers: dict[str, str] | None = None) -> HTTPException:
    return HTTPException(404, message, {"X-Error-Code": code, "X-Error-Message": message, **(headers or {})})


def _sibling(entry: Entry, blobs: bool) -> dict[str, Any]:
    sibling: dict[str, Any] = {"rfilename": entry.path}
    if blobs:
        sibling |= {"size": entry.size, "blobId": entry.blob_id}
        if entry.lfs:
            sibling["lfs"] = {"sha256": entry.sha256, "size": entry.size, "pointerSize": entry.pointer_size}
    return sibling


def _nodes(snapshot: Snapshot) -> dict[str, dict[str, Any]]:
    """The files and folders of a snapshot by path, sorted, in the form of the tree interface."""
    nodes: dict[str, dict[str, Any]] = {}
    for entry in snapshot.entries.values():
        node: dict[str, Any] = {"type": "file", "oid": entry.blob_id, "size": entry.size, "path": entry.path}
        if entry.lfs:
            node["lfs"] = {"oid": entry.sha256, "size": entry.size, "pointerSize": entry.pointer_size}
        nodes[entry.path] = node
        for folder in Path(entry.path).parents[:-1]:
            oid = hashlib.sha1(f"{snapshot.commit}/{folder.as_posix()}".encode()).hexdigest()
            nodes[folder.as_posix()] = {"type": "directory", "oid": oid, "size": 0, "path": folder.as_posix()}
    return dict(sorted(nodes.items()))


def _flipped(file: Path) -> Path:
    """Copy `file` with its middle byte inverted to a temporary folder and return the copy."""
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 0xFF
    copy = Path(tempfile.mkdtemp(prefix="lab-hub-")) / file.name
    copy.write_bytes(content)
    return copy
