"""The part of the Hugging Face Hub API that downloads use."""

import hashlib
import json
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, quote

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from lab.hub.faults import includes_hashes
from lab.hub.files import file_response
from lab.hub.repository import Entry, Repositories, Snapshot

PAGE_SIZE = 1000  # entries of a tree page, as on the Hub


class HuggingFace:
    """The handlers of the routes, and the routes."""

    def __init__(self, repositories: Repositories, page_size: int = PAGE_SIZE) -> None:
        self.repositories = repositories
        self.page_size = page_size

    def routes(self) -> list[Route]:
        """The Hub's routes."""
        get, post = ["GET"], ["POST"]
        repo = "/{owner}/{name}"
        return [
            Route(f"/api/models{repo}", self.info, methods=get),
            Route(f"/api/models{repo}/revision/{{revision:path}}", self.info, methods=get),
            Route(f"/api/models{repo}/tree/{{revision}}", self.tree, methods=get),
            Route(f"/api/models{repo}/tree/{{revision}}/{{path:path}}", self.tree, methods=get),
            Route(f"/api/models{repo}/paths-info/{{revision:path}}", self.paths_info, methods=post),
            Route(f"{repo}/resolve/{{revision}}/{{path:path}}", self.resolve, methods=get),
            Route(f"/cdn{repo}/{{sha256}}/{{path:path}}", self.cdn, methods=get),
        ]

    async def info(self, request: Request) -> Response:
        """A repository at a revision, with its files' names or also their sizes and hashes."""
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
        """The files and folders below a folder, in pages."""
        snapshot = await self._snapshot(request)
        below = request.path_params.get("path", "").strip("/")
        recursive = request.query_params.get("recursive", "").lower() in ("true", "1")
        nodes = _nodes(snapshot)
        if below and nodes.get(below, {}).get("type") != "directory":
            raise _not_found("EntryNotFound", f"{below} is not a folder of this repository")
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
        """The existing files and folders of the paths in the body."""
        snapshot = await self._snapshot(request)
        body = await request.body()
        try:
            if request.headers.get("content-type", "").startswith("application/json"):
                wanted = json.loads(body)["paths"]
            else:
                wanted = parse_qs(body.decode()).get("paths", [])
            wanted = [wanted] if isinstance(wanted, str) else [str(path) for path in wanted]
        except (ValueError, KeyError, TypeError):
            raise HTTPException(400, "the body must contain paths") from None
        nodes = _nodes(snapshot)
        return JSONResponse([nodes[path.strip("/")] for path in wanted if path.strip("/") in nodes])

    async def resolve(self, request: Request) -> Response:
        """The content of a small file; for an LFS file a redirect to the CDN, with its identity in the headers."""
        snapshot = await self._snapshot(request)
        entry = _entry(snapshot, request.path_params["path"])
        headers = _identity(snapshot, entry)
        if not entry.lfs:
            return file_response(entry, headers)
        location = f"{request.base_url}cdn/{snapshot.repo_id}/{entry.sha256}/{quote(entry.path)}"
        return RedirectResponse(location, status_code=302, headers=headers)

    async def cdn(self, request: Request) -> Response:
        """The content of an LFS file."""
        snapshot = await self._snapshot(request, hashes=True)
        entry = _entry(snapshot, request.path_params["path"])
        if request.path_params["sha256"] != entry.sha256:
            raise _not_found("EntryNotFound", "this content is no longer in the repository")
        # On the Hub the CDN is another host, where a client stops. Here it is the same host, so a client follows the
        # redirect and reads the identity from the last response.
        return file_response(entry, _identity(snapshot, entry))

    async def _snapshot(self, request: Request, *, hashes: bool = False) -> Snapshot:
        owner, name = request.path_params["owner"], request.path_params["name"]
        snapshot = await run_in_threadpool(self.repositories.snapshot, owner, name)
        if snapshot is None:
            raise _not_found("RepoNotFound", "Repository not found")
        revision = request.path_params.get("revision")
        if revision is not None and not snapshot.has_revision(revision):
            raise _not_found("RevisionNotFound", f"Invalid rev id: {quote(revision)}")
        return snapshot if hashes or includes_hashes(request) else snapshot.without_hashes()


def _identity(snapshot: Snapshot, entry: Entry) -> dict[str, str]:
    headers = {"X-Repo-Commit": snapshot.commit, "Accept-Ranges": "bytes"}
    if entry.etag:
        headers["ETag"] = f'"{entry.etag}"'
    if entry.lfs:
        headers |= {"X-Linked-Size": str(entry.size), "X-Linked-Etag": f'"{entry.sha256}"'}
    return headers


def _entry(snapshot: Snapshot, path: str) -> Entry:
    """Return the entry of `path` among the listed files, which prevents path traversal."""
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
    for folder in snapshot.folders():
        oid = hashlib.sha1(f"{snapshot.commit}/{folder}".encode()).hexdigest()
        nodes[folder] = {"type": "directory", "oid": oid, "size": 0, "path": folder}
    return dict(sorted(nodes.items()))
