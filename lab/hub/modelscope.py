"""The part of the ModelScope API that the modelscope and modelscope_hub clients use for downloads."""

import hashlib
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from lab.hub.faults import includes_hashes
from lab.hub.files import file_response
from lab.hub.repository import Entry, Repositories, Snapshot

BRANCH = "master"
SHORT = 8  # digits of a commit in LatestCommitter
NO_RECORD, NO_FILE = 10010205001, 10990101007  # ModelScope's error codes in addition to HTTP 404


class ModelScope:
    """The handlers of the routes, and the routes.

    `ids` maps Hugging Face ids to ModelScope ids; other repositories have the same id on both.
    """

    def __init__(self, repositories: Repositories, ids: Mapping[str, str] | None = None) -> None:
        self.repositories = repositories
        self.ids = dict(ids or {})

    def routes(self) -> list[Route]:
        """ModelScope's routes."""
        get, repo = ["GET"], "/{owner}/{name}"
        api = f"/api/v1/models{repo}"
        return [
            Route("/api/v1/repos/internalAccelerationInfo", self.acceleration, methods=get),
            Route(api, self.info, methods=get),
            Route(f"{api}/revisions", self.revisions, methods=get),
            Route(f"{api}/repo/files", self.files, methods=get),
            Route(f"{api}/repo", self.file, methods=get),
            Route(f"/models{repo}/resolve/{{revision}}/{{path:path}}", self.file, methods=get),
            Route(f"/oss{repo}/{{sha256}}/{{path:path}}", self.oss, methods=get),
        ]

    async def acceleration(self, request: Request) -> Response:
        """The region query address of clients in Alibaba Cloud: empty."""
        return _answer({"InternalRegionQueryAddress": ""})

    async def info(self, request: Request) -> Response:
        """A repository."""
        snapshot = await self._snapshot(request)
        if snapshot is None:
            return _not_found(NO_RECORD, "record not found")
        data = {"Path": request.path_params["owner"], "Name": request.path_params["name"], "Revision": BRANCH}
        return _answer({**data, "LastUpdatedTime": int(snapshot.modified), "Visibility": 5})

    async def revisions(self, request: Request) -> Response:
        """The branches and tags: only `master`."""
        snapshot = await self._snapshot(request)
        if snapshot is None:
            return _not_found(NO_RECORD, "record not found")
        branch = {"Revision": BRANCH, "CreatedAt": int(snapshot.modified)}
        return _answer({"RevisionMap": {"Branches": [branch], "Tags": []}})

    async def files(self, request: Request) -> Response:
        """The listing. As on ModelScope, an unknown revision is not an error but has no files."""
        snapshot = await self._snapshot(request)
        if snapshot is None:
            return _not_found(NO_RECORD, "record not found")
        if request.query_params.get("Revision", BRANCH) not in (BRANCH, commit(snapshot)):
            return _answer({"Files": None, "IsVisual": 0, "LatestCommitter": None})
        root = request.query_params.get("Root", "").strip("/")
        prefix = f"{root}/" if root else ""
        recursive = request.query_params.get("Recursive", "").lower() == "true"
        listed = [
            node
            for node in _nodes(snapshot)
            if node["Path"].startswith(prefix) and (recursive or "/" not in node["Path"][len(prefix) :])
        ]
        latest = {"Id": "", "ShortId": commit(snapshot)[:SHORT], "CommittedDate": int(snapshot.modified)}
        return _answer({"Files": listed, "IsVisual": 0, "LatestCommitter": latest})

    async def file(self, request: Request) -> Response:
        """The content of a small file; for a file in Git LFS a redirect to the object storage."""
        snapshot = await self._snapshot(request)
        if snapshot is None:
            return _not_found(NO_RECORD, "record not found")
        revision = request.path_params.get("revision") or request.query_params.get("Revision", BRANCH)
        path = request.path_params.get("path") or request.query_params.get("FilePath", "")
        if revision not in (BRANCH, commit(snapshot)) or path not in snapshot.entries:
            return _not_found(NO_FILE, f"{path} not found in revision {revision}")
        entry = snapshot.entries[path]
        if not entry.lfs:
            return file_response(entry)
        owner, name = request.path_params["owner"], request.path_params["name"]
        return RedirectResponse(f"{request.base_url}oss/{owner}/{name}/{entry.sha256}/{quote(path)}", status_code=302)

    async def oss(self, request: Request) -> Response:
        """The object storage, which on ModelScope is another host."""
        snapshot = await self._snapshot(request, hashes=True)
        entry = snapshot and snapshot.entries.get(request.path_params["path"])
        if not entry or entry.sha256 != request.path_params["sha256"]:
            return _not_found(NO_FILE, "no such object")
        return file_response(entry, {"X-Linked-Etag": f'"{entry.sha256}"'})

    async def _snapshot(self, request: Request, *, hashes: bool = False) -> Snapshot | None:
        requested = f"{request.path_params['owner']}/{request.path_params['name']}"
        known = [repo_id for repo_id in (*self.ids, requested) if self.ids.get(repo_id, repo_id) == requested]
        if not known:
            return None
        snapshot = await run_in_threadpool(self.repositories.snapshot, *known[0].split("/"))
        return snapshot if snapshot is None or hashes or includes_hashes(request) else snapshot.without_hashes()


def commit(snapshot: Snapshot) -> str:
    """Return the commit on ModelScope, which differs from that on Hugging Face."""
    return hashlib.sha1(f"modelscope {snapshot.commit}".encode()).hexdigest()


def _nodes(snapshot: Snapshot) -> list[dict[str, Any]]:
    """The files and folders of a snapshot, sorted by path."""
    common = {"Revision": commit(snapshot), "CommittedDate": int(snapshot.modified)}
    folders = [
        {"Type": "tree", "Path": path, "Name": path.rpartition("/")[2], "Size": 0, "Sha256": "", "IsLFS": False}
        for path in snapshot.folders()
    ]
    listed = [*folders, *(_node(entry) for entry in snapshot.entries.values())]
    return sorted(({**node, **common} for node in listed), key=lambda node: str(node["Path"]))


def _node(entry: Entry) -> dict[str, Any]:
    name = entry.path.rpartition("/")[2]
    node = {"Type": "blob", "Path": entry.path, "Name": name, "Size": entry.size, "IsLFS": entry.lfs}
    return node | {"Sha256": entry.sha256 or ""}


def _answer(data: Any, status: int = 200, code: int = 200, message: str = "success") -> Response:
    body = {"Code": code, "Data": data, "Message": message, "RequestId": "", "Success": status == 200}
    return JSONResponse(body, status_code=status)


def _not_found(code: int, message: str) -> Response:
    return _answer(None, 404, code, message)
